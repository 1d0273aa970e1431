//! Which language to speak, from an option or from the locale variables.

/// A language of the course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lang {
    /// Korean, the first language of the course.
    Ko,
    /// English.
    En,
}

impl Lang {
    /// Both languages, Korean first.
    pub const ALL: [Self; 2] = [Self::Ko, Self::En];

    /// The language a locale asks for, by POSIX precedence: the first of `LC_ALL`, `LC_MESSAGES` and `LANG`
    /// that is set and not empty decides. Everything but Korean gives English.
    pub fn from_locale(lc_all: Option<&str>, lc_messages: Option<&str>, lang: Option<&str>) -> Self {
        [lc_all, lc_messages, lang]
            .into_iter()
            .flatten()
            .find(|value| !value.is_empty())
            .and_then(Self::parse)
            .unwrap_or(Self::En)
    }

    /// Reads a language tag or a locale name: `ko`, `ko-KR`, `ko_KR.UTF-8`, `en`, `C`.
    pub fn parse(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_', '.', '@']).next().unwrap_or(tag);
        match language.to_ascii_lowercase().as_str() {
            "ko" | "kor" | "korean" => Some(Self::Ko),
            "en" | "eng" | "english" | "c" | "posix" => Some(Self::En),
            _ => None,
        }
    }

    /// The BCP 47 tag, as in `<html lang="ko">`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Lang::{self, En, Ko};

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        assert_eq!(Lang::from_locale(None, None, Some("ko_KR.UTF-8")), Ko);
        assert_eq!(Lang::from_locale(Some(""), Some("ko_KR"), Some("en_US.UTF-8")), Ko);
        assert_eq!(Lang::from_locale(Some("C"), None, Some("ko_KR.UTF-8")), En);
        assert_eq!(Lang::from_locale(None, None, Some("de_DE.UTF-8")), En);
        assert_eq!(Lang::from_locale(None, None, None), En);
    }

    #[test]
    fn tags_are_read_back() {
        for lang in Lang::ALL {
            assert_eq!(Lang::parse(lang.tag()), Some(lang));
        }
        assert_eq!(Lang::parse("ko-KR"), Some(Ko));
        assert_eq!(Lang::parse("korea"), None);
        assert_eq!(Lang::parse(""), None);
    }
}
