//! The browser chooses particles by the same rules as the course: both agree with one list.

use tongro_course::{Pair, particle};

#[test]
fn the_list_is_the_courses() {
    let list: Vec<(String, String, String)> = serde_json::from_str(include_str!("particles.json")).unwrap();
    assert!(list.len() > 90);
    for (word, pair, right) in list {
        assert_eq!(particle(&word, Pair::parse(&pair).unwrap()), right, "{word} {pair}");
    }
}
