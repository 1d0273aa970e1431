//! Why a handshake failed.

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

macro_rules! failures {
    ($($name:ident $id:literal $doc:literal;)+) => {
        /// A class of failure; its sentence and its fix are in the course's texts under its id.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Failure {
            $(#[doc = $doc] $name,)+
        }

        impl Failure {
            /// Every class.
            pub const ALL: &[Failure] = &[$(Failure::$name),+];

            /// Its name in texts and `--json`.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }
        }
    };
}

failures! {
    Expired "expired" "The certificate's time is over.";
    NotYet "not_yet" "The certificate's time has not begun.";
    WrongName "wrong_name" "The certificate is for another name.";
    UnknownCa "unknown_ca" "Nobody we trust has signed it, or a certificate between is missing.";
    Revoked "revoked" "The certificate was withdrawn.";
    Weak "weak" "The signature is too weak or of an unknown kind.";
    Purpose "purpose" "The certificate is not made for this use.";
    BadCertificate "bad_certificate" "The certificate cannot be read or is not allowed as it is.";
    ClientCertificate "client_certificate" "The other side wants a certificate from us.";
    Version "version" "No version in common.";
    Suite "suite" "No cipher suite, group or signature scheme in common.";
    Alpn "alpn" "No protocol in common (ALPN).";
    NotTls "not_tls" "The other side does not speak TLS.";
    Closed "closed" "The other side closed in the middle.";
    Alert "alert" "The other side sent an alert.";
    Other "other" "Anything else.";
}

impl Failure {
    /// The class of what an I/O call over TLS says.
    pub fn of(error: &std::io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => Self::of_tls(error),
            None if error.kind() == std::io::ErrorKind::UnexpectedEof => Self::Closed,
            None if error.kind() == std::io::ErrorKind::ConnectionReset => Self::Closed,
            None => Self::Other,
        }
    }

    /// The class of an error of rustls.
    pub fn of_tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => Self::of_certificate(why),
            rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => Self::Version,
            rustls::Error::PeerIncompatible(_) => Self::Suite,
            rustls::Error::NoApplicationProtocol => Self::Alpn,
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::AlertReceived(alert) => match alert {
                AlertDescription::ProtocolVersion => Self::Version,
                AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => Self::Suite,
                AlertDescription::NoApplicationProtocol => Self::Alpn,
                AlertDescription::CertificateRequired => Self::ClientCertificate,
                _ => Self::Alert,
            },
            _ => Self::Other,
        }
    }

    fn of_certificate(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::Expired | E::ExpiredContext { .. } => Self::Expired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::NotYet,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::WrongName,
            E::UnknownIssuer => Self::UnknownCa,
            E::Revoked => Self::Revoked,
            E::BadSignature => Self::Weak,
            E::InvalidPurpose | E::InvalidPurposeContext { .. } => Self::Purpose,
            _ => Self::BadCertificate,
        }
    }
}
