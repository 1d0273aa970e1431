//! The page and its modules, compiled in: small enough to be written by hand, so there is no bundler.

/// One file of the page.
pub(crate) struct Asset {
    name: &'static str,
    pub(crate) mime: &'static str,
    pub(crate) text: &'static str,
}

/// The shell, in Korean.
pub(crate) const PAGE: &str = include_str!("../assets/index.html");

/// The shell in the language that the page opens in.
pub(crate) fn page(language: &str) -> String {
    PAGE.replacen("lang=\"ko\"", &format!("lang=\"{language}\""), 1)
}

/// What a refused request reads: it cannot know a language yet, so it says it in the field's words.
pub(crate) const REFUSED: &str = "403 tongro: open the address that `tongro up` printed, with its token\n";

macro_rules! assets {
    ($($name:literal $mime:literal,)*) => {
        &[$(Asset { name: $name, mime: $mime, text: include_str!(concat!("../assets/", $name)) }),*]
    };
}

const ASSETS: &[Asset] = assets! {
    "style.css" "text/css; charset=utf-8",
    "mark.svg" "image/svg+xml",
    "main.js" "text/javascript; charset=utf-8",
    "dom.js" "text/javascript; charset=utf-8",
    "texts.js" "text/javascript; charset=utf-8",
    "particle.js" "text/javascript; charset=utf-8",
    "socket.js" "text/javascript; charset=utf-8",
    "run.js" "text/javascript; charset=utf-8",
    "warp.js" "text/javascript; charset=utf-8",
    "span.js" "text/javascript; charset=utf-8",
    "ladder.js" "text/javascript; charset=utf-8",
    "draw.js" "text/javascript; charset=utf-8",
    "replay.js" "text/javascript; charset=utf-8",
    "inspector.js" "text/javascript; charset=utf-8",
    "link.js" "text/javascript; charset=utf-8",
    "course.js" "text/javascript; charset=utf-8",
    "results.js" "text/javascript; charset=utf-8",
    "keys.js" "text/javascript; charset=utf-8",
};

/// The texts of all files, for tests over them.
#[cfg(test)]
pub(crate) fn modules() -> impl Iterator<Item = &'static str> {
    ASSETS.iter().map(|asset| asset.text)
}

/// The file of this name.
pub(crate) fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_opens_in_a_language() {
        assert!(page("en").contains("<html lang=\"en\">"));
        assert_eq!(page("ko"), PAGE);
    }

    #[test]
    fn the_page_stays_small() {
        let raw: usize = PAGE.len() + ASSETS.iter().map(|asset| asset.text.len()).sum::<usize>();
        assert!(raw <= 200 * 1024, "{raw} bytes of assets");
    }

    #[test]
    fn every_import_is_served() {
        for asset in ASSETS {
            for line in
                asset.text.lines().filter(|line| line.starts_with("import ") || line.starts_with("} from"))
            {
                let name = line.split("\"./").nth(1).and_then(|rest| rest.split('"').next());
                if let Some(name) = name {
                    assert!(find(name).is_some(), "{} imports {name}", asset.name);
                }
            }
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        for text in ASSETS.iter().map(|asset| asset.text).chain([PAGE]) {
            let rest = text.replace("http://www.w3.org/", "");
            assert!(!rest.contains("https://") && !rest.contains("http://"));
            assert!(!rest.contains(" style=\"") && !rest.contains("<script>"), "inline style or script");
        }
    }
}
