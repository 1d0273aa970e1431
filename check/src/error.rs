//! What can keep the judge from judging.

use tongro_lab::LabError;

/// An error that is nobody's bug in the program under test.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// There is no contract of that name.
    #[error("there is no contract `{0}`")]
    UnknownContract(String),
    /// A socket or file of our own failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// A run folder could not be read or written.
    #[error("{0}")]
    Run(String),
}

impl From<tongro_sys::Error> for CheckError {
    fn from(error: tongro_sys::Error) -> Self {
        Self::Io { what: error.call, source: error.source }
    }
}
