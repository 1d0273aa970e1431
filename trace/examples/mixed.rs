//! Writes a capture by recipe: `mixed KIND SEED COUNT OUT`; kinds: `tcp` (random walks),
//! `variety` (every protocol), `bulk` (COUNT rounds of about 0.5 MB).
#![allow(clippy::print_stdout)] // An example talks.

mod recipe;

use std::fs::File;
use std::io::BufWriter;

use recipe::{Dice, Frames};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, seed, count, path] = arguments.as_slice() else {
        println!("mixed KIND SEED COUNT OUT");
        return;
    };
    let number = |text: &String| text.parse::<u64>().unwrap_or(1);
    let mut dice = Dice(number(seed));
    let mut frames = Frames::new();
    match kind.as_str() {
        "tcp" => (0..number(count)).for_each(|_| recipe::tcp::walk(&mut dice, &mut frames, 60)),
        "variety" => recipe::mixed::variety(&mut dice, &mut frames),
        "bulk" => recipe::mixed::bulk(&mut dice, &mut frames, number(count)),
        other => println!("no recipe `{other}`"),
    }
    if let Ok(file) = File::create(path) {
        frames.write(BufWriter::new(file));
    }
}
