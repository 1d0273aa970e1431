//! Why a message is refused: the class, its clause in the RFC, the status that answers it, and the byte at fault.

/// Makes the enum and its table from one list, so that no class can lack its clause.
macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $name:ident, $id:literal, $status:literal, $clause:literal, $title:literal;)+) => {
        /// One way in which a request breaks the rules.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Class { $($(#[doc = $doc])+ $name,)+ }

        impl Class {
            /// Every class, in the order of the RFC's chapters.
            pub const ALL: &[Class] = &[$(Class::$name),+];

            /// Its name in tables, logs and texts.
            pub fn id(self) -> &'static str {
                match self { $(Self::$name => $id),+ }
            }

            /// The status that answers it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// The clause that says so.
            pub fn clause(self) -> &'static str {
                match self { $(Self::$name => $clause),+ }
            }

            /// One line in the RFC's own terms.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

classes! {
    /// LF without CR before it.
    BareLf, "bare-lf", 400, "RFC 9112 §2.2", "a line ends in LF without CR";
    /// CR without LF behind it.
    BareCr, "bare-cr", 400, "RFC 9112 §2.2", "CR that no LF follows";
    /// Whitespace between start line and first field.
    SpaceBeforeFields, "space-before-fields", 400, "RFC 9112 §2.2", "whitespace before the first field line";
    /// A version that is not `HTTP/d.d`.
    VersionForm, "version-form", 400, "RFC 9112 §2.3", "the version is not `HTTP/` digit `.` digit";
    /// A major version that is not 1.
    VersionMajor, "version-major", 505, "RFC 9110 §15.6.6", "a major version that is not spoken here";
    /// The request line is not three parts with one space between.
    RequestLine, "request-line", 400, "RFC 9112 §3", "the request line is not `method SP target SP version`";
    /// The method is no token.
    MethodToken, "method-token", 400, "RFC 9112 §3.1", "the method is no token";
    /// A method that nobody here implements.
    MethodUnknown, "method-unknown", 501, "RFC 9110 §9.1", "a method that is not implemented";
    /// A byte that no target may hold.
    TargetByte, "target-byte", 400, "RFC 9112 §3.2", "a byte that a request target must not hold";
    /// A `#` in the target.
    TargetFragment, "target-fragment", 400, "RFC 9112 §3.2.1", "a fragment is never sent";
    /// `%` without two hexadecimal digits.
    TargetPercent, "target-percent", 400, "RFC 3986 §2.1", "`%` without two hexadecimal digits";
    /// The form of the target does not suit the method.
    TargetForm, "target-form", 400, "RFC 9112 §3.2", "the form of the target does not suit the method";
    /// The request line is too long.
    TargetLong, "target-long", 414, "RFC 9112 §3", "the request line is longer than the limit";
    /// A 1.1 request without Host.
    HostMissing, "host-missing", 400, "RFC 9112 §3.2", "an HTTP/1.1 request without Host";
    /// More than one Host.
    HostTwice, "host-twice", 400, "RFC 9112 §3.2", "more than one Host";
    /// Host is no `uri-host [":" port]`.
    HostForm, "host-form", 400, "RFC 9112 §3.2", "Host is not `uri-host [ \":\" port ]`";
    /// A field line without colon.
    FieldColon, "field-colon", 400, "RFC 9112 §5", "a field line without a colon";
    /// An empty name, or one that is no token.
    FieldName, "field-name", 400, "RFC 9110 §5.1", "a field name is not a token";
    /// Whitespace between name and colon.
    FieldSpace, "field-space", 400, "RFC 9112 §5.1", "whitespace between field name and colon";
    /// A continuation line.
    ObsFold, "obs-fold", 400, "RFC 9112 §5.2", "a field line is folded";
    /// A control byte in a value.
    FieldByte, "field-byte", 400, "RFC 9110 §5.5", "a control byte in a field value";
    /// A line of the head is too long.
    FieldLong, "field-long", 431, "RFC 6585 §5", "a field line is longer than the limit";
    /// The head is too long.
    HeadLong, "head-long", 431, "RFC 6585 §5", "the head is longer than the limit";
    /// Too many fields.
    FieldsMany, "fields-many", 431, "RFC 6585 §5", "more field lines than the limit";
    /// Content-Length is not digits alone.
    LengthForm, "length-form", 400, "RFC 9110 §8.6", "Content-Length is not a number";
    /// Content-Length does not fit.
    LengthOverflow, "length-overflow", 400, "RFC 9110 §8.6", "Content-Length does not fit 64 bits";
    /// More than one Content-Length.
    LengthTwice, "length-twice", 400, "RFC 9112 §6.3", "more than one Content-Length";
    /// Both framings at once.
    CodingAndLength, "coding-and-length", 400, "RFC 9112 §6.1", "Transfer-Encoding together with Content-Length";
    /// Transfer-Encoding in a 1.0 request.
    CodingOld, "coding-old", 400, "RFC 9112 §6.1", "Transfer-Encoding in an HTTP/1.0 request";
    /// A coding that is not implemented.
    CodingUnknown, "coding-unknown", 501, "RFC 9112 §6.1", "a transfer coding that is not implemented";
    /// A coding that is not even a token.
    CodingForm, "coding-form", 400, "RFC 9112 §7", "Transfer-Encoding is not a list of codings";
    /// `chunked` is not last.
    CodingOrder, "coding-order", 400, "RFC 9112 §6.3", "`chunked` is not the last coding";
    /// `chunked` twice.
    CodingTwice, "coding-twice", 400, "RFC 9112 §7.1", "`chunked` is applied twice";
    /// A chunk size that is no hexadecimal number.
    ChunkSize, "chunk-size", 400, "RFC 9112 §7.1", "a chunk size is not a hexadecimal number";
    /// A chunk size that does not fit.
    ChunkOverflow, "chunk-overflow", 400, "RFC 9112 §7.1", "a chunk size does not fit 64 bits";
    /// A malformed extension.
    ChunkExtension, "chunk-extension", 400, "RFC 9112 §7.1.1", "a malformed chunk extension";
    /// A chunk's line is too long.
    ChunkLong, "chunk-long", 400, "RFC 9112 §7.1.1", "a chunk's line is longer than the limit";
    /// Chunk data not followed by CRLF.
    ChunkEnd, "chunk-end", 400, "RFC 9112 §7.1", "no CRLF where the chunk's size says that its data ends";
    /// A framing or routing field in a trailer.
    TrailerField, "trailer-field", 400, "RFC 9110 §6.5.1", "a field that must not stand in a trailer section";
    /// The trailer is too long.
    TrailerLong, "trailer-long", 431, "RFC 6585 §5", "the trailer section is longer than the limit";
    /// An expectation other than `100-continue`.
    Expectation, "expectation", 417, "RFC 9110 §10.1.1", "an unknown expectation";
    /// More content than is taken.
    BodyLong, "body-long", 413, "RFC 9110 §15.5.14", "the content is longer than the limit";
    /// The stream ended inside a message.
    Incomplete, "incomplete", 400, "RFC 9112 §8", "the connection was closed inside the message";
    /// The head did not come in time.
    SlowHead, "slow-head", 408, "RFC 9110 §15.5.9", "the head did not come in time";
    /// The content did not come in time.
    SlowBody, "slow-body", 408, "RFC 9110 §15.5.9", "the content did not come in time";
}

/// How many bytes before and behind the byte at fault are kept to show.
const AROUND: usize = 24;

/// A message refused, with the byte at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub class: Class,
    /// The byte at fault, counted from the first byte of its message.
    pub offset: u64,
    /// Bytes around it, as they came.
    pub near: Vec<u8>,
    /// Where in `near` the byte at fault is; `near.len()` if it is the one that is missing.
    pub mark: usize,
}

impl Refusal {
    /// A refusal at `at` of `bytes`, whose first byte is number `start` of its message.
    pub(crate) fn at(class: Class, bytes: &[u8], start: u64, at: usize) -> Self {
        let at = at.min(bytes.len());
        let (from, to) = (at.saturating_sub(AROUND), (at + AROUND).min(bytes.len()));
        Self { class, offset: start + at as u64, near: bytes[from..to].to_vec(), mark: at - from }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (byte {}, {})", self.class.title(), self.offset, self.class.clause())
    }
}

impl std::error::Error for Refusal {}
