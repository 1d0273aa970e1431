//! The scenario of a demonstration, read from TOML; unknown keys are refused.

use std::collections::BTreeMap;

use serde::Deserialize;
use tongro_lab::{Rule, Script};
use tongro_trace::event::LinkSettings;
use tongro_wire::filter::{Filter, FilterError};

/// What a demonstration does and shows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The calls of the program on the server host.
    pub server: Vec<String>,
    /// The calls of the program on the client host.
    pub client: Vec<String>,
    /// The link.
    #[serde(default)]
    pub link: LinkSettings,
    /// Receive buffers of a few KiB, so that little fills a window.
    #[serde(default)]
    pub small_buffers: bool,
    /// What happens to which frame.
    #[serde(default)]
    pub rule: Vec<Rule>,
    /// What must come of it.
    #[serde(default, rename = "fact")]
    pub facts: Vec<Fact>,
    /// The frames that answer the lesson's question.
    pub answer: Frames,
    /// What can be turned, by name: each of its settings changes what it names.
    #[serde(default)]
    pub knob: BTreeMap<String, BTreeMap<String, Setting>>,
}

/// One setting of a knob: what it gives takes the place of the scenario's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    server: Option<Vec<String>>,
    client: Option<Vec<String>>,
    link: Option<LinkSettings>,
    rule: Option<Vec<Rule>>,
    #[serde(rename = "fact")]
    facts: Option<Vec<Fact>>,
    answer: Option<Frames>,
}

/// Some of the frames of a run: all that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Frames {
    /// A display filter.
    pub filter: Option<String>,
    /// The id of a finding.
    pub finding: Option<String>,
    /// Whether the link dropped it.
    pub lost: Option<bool>,
    /// Which of them, from 1; without it, any.
    pub nth: Option<usize>,
}

/// What must be so in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fact {
    /// Which frames it is about.
    pub frames: Frames,
    /// How many they must be.
    pub count: Option<usize>,
    /// How many at least.
    pub at_least: Option<usize>,
    /// The first of them must come before the first of these.
    pub before: Option<Frames>,
    /// A line that one of the programs must print.
    pub output: Option<String>,
    /// A TCP state that a socket must be seen in.
    pub state: Option<String>,
}

/// Why a text is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Not TOML, or an unknown key.
    #[error("{0}")]
    Toml(#[from] toml::de::Error),
    /// A display filter that is none.
    #[error("filter `{filter}`: {source}")]
    Filter {
        /// Its text.
        filter: String,
        /// What is wrong.
        source: FilterError,
    },
    /// No knob or setting of that name.
    #[error("no knob `{0}`")]
    Knob(String),
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// Text that is not TOML, unknown keys, filters that are none.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        for filter in scenario.filters() {
            let parsed = Filter::parse(filter);
            parsed.map_err(|source| ScenarioError::Filter { filter: filter.to_owned(), source })?;
        }
        Ok(scenario)
    }

    /// The same with a knob turned to a setting.
    ///
    /// # Errors
    /// [`ScenarioError::Knob`].
    pub fn turned(mut self, knob: &str, to: &str) -> Result<Self, ScenarioError> {
        let unknown = || ScenarioError::Knob(format!("{knob}={to}"));
        let setting = self.knob.get(knob).and_then(|settings| settings.get(to)).ok_or_else(unknown)?.clone();
        self.server = setting.server.unwrap_or(self.server);
        self.client = setting.client.unwrap_or(self.client);
        self.link = setting.link.unwrap_or(self.link);
        self.rule = setting.rule.unwrap_or(self.rule);
        self.facts = setting.facts.unwrap_or(self.facts);
        self.answer = setting.answer.unwrap_or(self.answer);
        Ok(self)
    }

    pub(super) fn script(&self) -> Script {
        Script { link: self.link.clone(), rule: self.rule.clone(), ..Script::default() }
    }

    fn filters(&self) -> impl Iterator<Item = &str> {
        let settings = self.knob.values().flat_map(BTreeMap::values);
        let facts = settings.clone().filter_map(|setting| setting.facts.as_ref()).chain([&self.facts]);
        let of_facts = facts.flatten().flat_map(|fact| [Some(&fact.frames), fact.before.as_ref()]);
        let answers = settings.map(|setting| setting.answer.as_ref()).chain([Some(&self.answer)]);
        of_facts.chain(answers).flatten().filter_map(|frames| frames.filter.as_deref())
    }
}
