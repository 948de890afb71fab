//! The nine kinds of failure, each with a status and whether a retry can help.

use std::fmt;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure this is. A closed list: every API maps each kind to its own shape in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request or input is wrong; sending it again unchanged gives the same answer.
    Invalid,
    /// Who asks is not known or not allowed.
    Unauthorized,
    /// What was named does not exist.
    NotFound,
    /// The state of the thing forbids it now (already exists, wrong generation).
    Conflict,
    /// The input is over a size cap.
    TooLarge,
    /// A rate, quota or memory budget is spent.
    Limited,
    /// The component is not ready or gone.
    Unavailable,
    /// The deadline passed or the caller went away.
    Timeout,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// The HTTP status that stands for this kind where an imitated API prescribes none.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthorized => 401,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Limited => 429,
            Self::Unavailable => 503,
            Self::Timeout => 504,
            Self::Internal => 500,
        }
    }

    /// The gRPC status code (`google.rpc.Code`) of this kind.
    pub const fn grpc_code(self) -> i32 {
        match self {
            Self::Invalid | Self::TooLarge => 3,
            Self::Unauthorized => 16,
            Self::NotFound => 5,
            Self::Conflict => 10,
            Self::Limited => 8,
            Self::Unavailable => 14,
            Self::Timeout => 4,
            Self::Internal => 13,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::Limited | Self::Unavailable | Self::Timeout)
    }
}

/// A failure with two texts: one for whoever asked, one for whoever operates the server.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure this is.
    pub kind: ErrorKind,
    /// Shown to the caller: a sentence without secrets, paths of ours or internals.
    pub message: String,
    /// For the log only.
    pub detail: Option<String>,
}

impl Error {
    /// An error of `kind` with the text for the caller.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), detail: None }
    }

    /// Adds what only the log may say.
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }
}

macro_rules! constructors {
    ($($name:ident => $kind:ident),* $(,)?) => {
        impl Error {
            $(
                #[doc = concat!("An error of kind [`ErrorKind::", stringify!($kind), "`].")]
                pub fn $name(message: impl fmt::Display) -> Self {
                    Self::new(ErrorKind::$kind, message)
                }
            )*
        }
    };
}

constructors! {
    invalid => Invalid, unauthorized => Unauthorized, not_found => NotFound, conflict => Conflict,
    too_large => TooLarge, limited => Limited, unavailable => Unavailable, timeout => Timeout, internal => Internal,
}
