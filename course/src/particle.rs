//! Korean particles, chosen by the last sound of the word before them.
//!
//! `은/는`, `이/가`, `을/를` … have one form after a final consonant (받침) and one after a vowel; `으로/로` takes
//! the second form after ㄹ too. A number sounds as it is read (`13` 십삼, `9000` 구천), a short Latin
//! abbreviation by the name of its last letter (`RST` 알에스티), a longer word by its ending (`listen` 리슨).

/// Two forms of one particle: after a final consonant, and after a vowel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The form after a final consonant: 은, 이, 을, 과, 으로 …
    pub closed: &'static str,
    /// The form after a vowel: 는, 가, 를, 와, 로 …
    pub open: &'static str,
}

const fn pair(closed: &'static str, open: &'static str) -> Pair {
    Pair { closed, open }
}

const PAIRS: [Pair; 14] = [
    pair("은", "는"),
    pair("이", "가"),
    pair("을", "를"),
    pair("과", "와"),
    pair("으로", "로"),
    pair("으로는", "로는"),
    pair("으로부터", "로부터"),
    pair("이라는", "라는"),
    pair("이라고", "라고"),
    pair("이나", "나"),
    pair("이란", "란"),
    pair("이며", "며"),
    pair("이고", "고"),
    pair("이었습니다", "였습니다"),
];

impl Pair {
    /// Reads `은/는`; `None` if it is no particle or the order is wrong.
    pub fn parse(written: &str) -> Option<Self> {
        let (closed, open) = written.split_once('/')?;
        Self::all().find(|pair| pair.closed == closed && pair.open == open)
    }

    /// Every particle that a sentence may use.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        PAIRS.into_iter()
    }
}

/// The last sound of a word, as far as particles care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sound {
    /// A vowel.
    Open,
    /// The final consonant ㄹ.
    Rieul,
    /// Any other final consonant.
    Closed,
}

/// The particle that fits after `word`. For a word whose sound nobody can tell, both forms: `은(는)`.
///
/// ```
/// use tongro_course::{Pair, particle};
///
/// let topic = Pair::parse("은/는").unwrap();
/// assert_eq!(particle("서버", topic), "는");
/// assert_eq!(particle("#13", topic), "은");
/// ```
pub fn particle(word: &str, pair: Pair) -> String {
    match last_sound(word) {
        Some(Sound::Open) => pair.open.to_owned(),
        Some(Sound::Rieul) if pair.closed.starts_with("으로") => pair.open.to_owned(),
        Some(Sound::Rieul | Sound::Closed) => pair.closed.to_owned(),
        None => both(pair),
    }
}

fn both(pair: Pair) -> String {
    match pair.closed.strip_suffix(pair.open) {
        Some(extra) => format!("({extra}){}", pair.open),
        None => format!("{}({})", pair.closed, pair.open),
    }
}

fn last_sound(word: &str) -> Option<Sound> {
    let word = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%');
    match word.chars().next_back()? {
        '%' => Some(Sound::Open), // 퍼센트
        c @ '가'..='힣' => Some(hangul_sound(c)),
        c if c.is_ascii_digit() => Some(number_sound(word)),
        c if c.is_ascii_alphabetic() => Some(latin_sound(word)),
        _ => None,
    }
}

/// Syllables are ordered by initial, vowel and final; there are 28 finals, the first is none, the ninth ㄹ.
fn hangul_sound(syllable: char) -> Sound {
    match (syllable as u32 - '가' as u32) % 28 {
        0 => Sound::Open,
        8 => Sound::Rieul,
        _ => Sound::Closed,
    }
}

/// `12` 십이, `5,792` 오천칠백구십이, `12.50` 십이 점 오영, `10.77.0.30` … 삼십, `0xff`, `veth0`.
fn number_sound(word: &str) -> Sound {
    let written = word.rsplit(|c: char| !c.is_ascii_digit() && c != ',' && c != '.').next().unwrap_or(word);
    let is_decimal = written.matches('.').count() == 1;
    let digits: String = written.rsplit('.').next().unwrap_or(written).replace(',', "");
    let significant = digits.trim_end_matches('0');
    let zeros = digits.len() - significant.len();
    match significant.bytes().next_back() {
        _ if is_decimal || zeros == 0 => digit_sound(digits.bytes().next_back().unwrap_or(b'0')),
        None => digit_sound(b'0'),
        Some(_) => unit_sound(zeros),
    }
}

fn digit_sound(digit: u8) -> Sound {
    match digit {
        b'1' | b'7' | b'8' => Sound::Rieul,  // 일 칠 팔
        b'0' | b'3' | b'6' => Sound::Closed, // 영 삼 육
        _ => Sound::Open,                    // 이 사 오 구
    }
}

/// The last unit named when a number ends in so many zeros: 십 백 천, then 만 억 조 경.
fn unit_sound(zeros: usize) -> Sound {
    match zeros / 4 {
        3 => Sound::Open,   // 조
        _ => Sound::Closed, // 십 백 천 만 억 경
    }
}

fn latin_sound(word: &str) -> Sound {
    let word = word.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or(word);
    let part = word.rsplit('_').next().unwrap_or(word).trim_start_matches(|c: char| c.is_ascii_digit());
    let is_spelled = word.len() <= 4 && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if is_spelled || part.len() < 2 { letter_sound(part) } else { ending_sound(&part.to_ascii_lowercase()) }
}

/// The name of the last letter: 엘 엠 엔 알 end in a consonant, all others in a vowel.
fn letter_sound(letters: &str) -> Sound {
    match letters.bytes().next_back().map(|b| b.to_ascii_lowercase()) {
        Some(b'l' | b'r') => Sound::Rieul,
        Some(b'm' | b'n') => Sound::Closed,
        _ => Sound::Open,
    }
}

/// Words that the rule of their ending would misread.
const EXCEPTIONS: [(&str, Sound); 7] = [
    ("ack", Sound::Open),     // 애크
    ("check", Sound::Open),   // 체크
    ("exit", Sound::Open),    // 엑시트
    ("root", Sound::Open),    // 루트
    ("bit", Sound::Open),     // 비트
    ("web", Sound::Closed),   // 웹
    ("google", Sound::Rieul), // 구글
];

/// How Korean writes the end of an English word: `socket` 소켓, `client` 클라이언트, `file` 파일, `bug` 버그.
fn ending_sound(word: &str) -> Sound {
    if let Some((_, sound)) = EXCEPTIONS.into_iter().find(|(exception, _)| *exception == word) {
        return sound;
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    if ends(&["l", "le"]) {
        Sound::Rieul
    } else if ends(&["m", "n", "ng", "me", "ne", "ck", "out"]) || is_short_stop(word) {
        Sound::Closed
    } else {
        Sound::Open
    }
}

/// One short vowel and then p, t, k or c: `map` 맵, `packet` 패킷; but `wait` 웨이트, `port` 포트.
fn is_short_stop(word: &str) -> bool {
    let is_vowel = |b: u8| matches!(b, b'a' | b'e' | b'i' | b'o' | b'u');
    match word.as_bytes() {
        [.., before, vowel, b'p' | b't' | b'k' | b'c'] => is_vowel(*vowel) && !is_vowel(*before),
        [vowel, b'p' | b't' | b'k' | b'c'] => is_vowel(*vowel),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(word: &str, pair: &str) -> String {
        format!("{word}{}", particle(word, Pair::parse(pair).unwrap()))
    }

    fn check(pair: &str, right: &[(&str, &str)]) {
        for (word, expected) in right {
            assert_eq!(with(word, pair), format!("{word}{expected}"), "{word} {pair}");
        }
    }

    #[test]
    fn hangul_by_its_final_consonant() {
        check("은/는", &[("서버", "는"), ("패킷", "은"), ("파일", "은"), ("클라이언트", "는")]);
        check("이/가", &[("연결", "이"), ("주소", "가")]);
        check("을/를", &[("창", "을"), ("소켓", "을"), ("데이터", "를")]);
        check("과/와", &[("손실", "과"), ("지터", "와")]);
        check("으로/로", &[("손실", "로"), ("패킷", "으로"), ("서버", "로"), ("재전송", "으로")]);
        check("이라는/라는", &[("에코", "라는"), ("손실", "이라는")]);
    }

    #[test]
    fn numbers_as_they_are_read() {
        let subject = [
            ("0", "이"),
            ("1", "이"),
            ("2", "가"),
            ("3", "이"),
            ("4", "가"),
            ("5", "가"),
            ("6", "이"),
            ("7", "이"),
            ("8", "이"),
            ("9", "가"),
            ("#5", "가"),
            ("#13", "이"),
            ("10", "이"),
            ("100", "이"),
            ("9000", "이"),
            ("65535", "가"),
            ("5,792", "가"),
            ("10,000", "이"),
            ("100000000", "이"),
            ("1000000000000", "가"),
            ("20000000000000", "가"),
            ("12.5", "가"),
            ("0.10", "이"),
            ("10.77.0.2", "가"),
            ("10.77.0.30", "이"),
            ("10.77.0.2:9000", "이"),
            ("#10 #11 #12", "가"),
        ];
        check("이/가", &subject);
        check(
            "으로/로",
            &[("1", "로"), ("7", "로"), ("8", "로"), ("3", "으로"), ("10", "으로"), ("2", "로")],
        );
    }

    #[test]
    fn units_after_numbers() {
        check("이/가", &[("1448 B", "가"), ("20 ms", "가"), ("5%", "가"), ("17바이트", "가"), ("3번", "이")]);
        check("을/를", &[("64 KiB", "를"), ("1.5 s", "를"), ("4 MB", "를")]);
    }

    #[test]
    fn abbreviations_by_letter_names() {
        check("이/가", &[("SYN", "이"), ("ACK", "가"), ("FIN", "이"), ("RST", "가"), ("EOF", "가")]);
        check("을/를", &[("TCP", "를"), ("URL", "을"), ("UDP", "를"), ("DNS", "를"), ("B", "를")]);
        check("으로/로", &[("URL", "로"), ("FIN", "으로"), ("HTTP", "로")]);
    }

    #[test]
    fn words_by_their_ending() {
        let calls = [
            ("recv()", "가"),
            ("send()", "가"),
            ("accept()", "가"),
            ("accept4()", "가"),
            ("connect()", "가"),
            ("close()", "가"),
            ("listen()", "이"),
            ("poll()", "이"),
            ("sendall()", "이"),
            ("shutdown()", "이"),
            ("epoll_wait()", "가"),
            ("recvfrom()", "이"),
            ("sendto()", "가"),
            ("input()", "이"),
        ];
        check("이/가", &calls);
        check(
            "은/는",
            &[("socket", "은"), ("client", "는"), ("server.py", "는"), ("Python", "은"), ("Rust", "는")],
        );
        check(
            "을/를",
            &[("file", "을"), ("thread", "를"), ("timeout", "을"), ("packet", "을"), ("bug", "를")],
        );
        check("으로/로", &[("file", "로"), ("listen", "으로"), ("epoll", "로")]);
    }

    #[test]
    fn names_of_states_errors_and_signals() {
        let subject = [
            ("ESTABLISHED", "가"),
            ("LISTEN", "이"),
            ("TIME_WAIT", "가"),
            ("CLOSE_WAIT", "가"),
            ("LAST_ACK", "가"),
            ("SYN_SENT", "가"),
            ("ECONNRESET", "이"),
            ("EPIPE", "가"),
            ("EMFILE", "이"),
            ("EAGAIN", "이"),
            ("EADDRINUSE", "가"),
            ("SIGKILL", "이"),
            ("SIGTERM", "이"),
            ("SIGPIPE", "가"),
        ];
        check("이/가", &subject);
    }

    #[test]
    fn marks_after_the_word_do_not_count() {
        check(
            "을/를",
            &[("`recv()`", "를"), ("“안녕”", "을"), ("hello\"", "를"), ("(파일)", "을"), ("5 %", "를")],
        );
    }

    #[test]
    fn unknown_sounds_show_both_forms() {
        check("은/는", &[("", "은(는)"), ("漢字", "은(는)"), ("…", "은(는)")]);
        check("으로/로", &[("→", "(으)로")]);
        check("이었습니다/였습니다", &[("?", "이었습니다(였습니다)")]);
    }

    #[test]
    fn a_pair_in_the_wrong_order_is_no_pair() {
        assert_eq!(Pair::parse("는/은"), None);
        assert_eq!(Pair::parse("은"), None);
        assert_eq!(Pair::parse("이/"), None);
        for pair in PAIRS {
            assert_eq!(Pair::parse(&format!("{}/{}", pair.closed, pair.open)), Some(pair));
        }
    }
}
