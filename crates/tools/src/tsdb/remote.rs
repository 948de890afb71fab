//! History into a running server: by the door of ours for it, of any age, or by remote write where the server is another
//! one, which takes what its rules on age and order permit.

mod write;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use model::{Error, Imported, SeriesData};
use serde_json::Value as Json;
use wire::history::{CONTENT_TYPE, Encoder};

use super::import::Next;
use crate::Failed;
use crate::http::Server;
use write::RemoteWrite;

const IMPORT: &str = "/api/bonghwa/v1/import";
const SHORT: Duration = Duration::from_secs(30);

/// How a server is shown that its caller may change it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Token {
    /// The access token of the server at the URL.
    #[arg(long, value_name = "TOKEN", env = "BONGHWA_TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// File with the access token (`bonghwa/token` in the data directory of the server).
    #[arg(long = "token-file", value_name = "FILE", conflicts_with = "token", global = true)]
    token_file: Option<PathBuf>,
}

impl Token {
    /// The server under `url`, which is shown the token where there is one.
    pub(crate) fn server(&self, url: &str) -> Result<Server, Failed> {
        self.shown_to(Server::new(url)?)
    }

    /// The server, which is shown the token where there is one.
    pub(crate) fn shown_to(&self, server: Server) -> Result<Server, Failed> {
        let read = |file: &PathBuf| {
            let text = std::fs::read_to_string(file);
            text.map_err(|e| Failed::new(format_args!("{}: {e}", file.display())))
        };
        match (&self.token, &self.token_file) {
            (Some(token), _) => server.with_token(token),
            (None, Some(file)) => server.with_token(read(file)?.trim()),
            (None, None) => Ok(server),
        }
    }
}

/// A server that history is sent to.
pub(crate) struct Remote {
    server: Server,
    /// `None`: the server has the door.
    write: Option<RemoteWrite>,
    refused: u64,
    reason: String,
}

impl Remote {
    /// Asks the server whether it has the door.
    pub(crate) fn connect(url: &str, token: &Token) -> Result<Self, Failed> {
        let server = token.server(url)?;
        let answer = server.get(IMPORT, SHORT)?;
        let write = match answer.status {
            200 => None,
            401 | 403 => return Err(needs_token(&server, &answer.body)),
            503 => return Err(said(&server, answer.status, &answer.body)),
            _ => Some(RemoteWrite::default()),
        };
        Ok(Self { server, write, refused: 0, reason: String::new() })
    }

    /// Sends series.
    pub(super) fn send(&mut self, next: &mut Next<'_>) -> model::Result<Imported> {
        if let Some(write) = &mut self.write {
            return write.send(&self.server, next);
        }
        let mut data = SeriesData::default();
        if !next(&mut data)? {
            return Ok(Imported::default());
        }
        let mut given = Ok(());
        let answer = self.server.stream(IMPORT, &[("content-type", CONTENT_TYPE)], &mut |give| {
            given = (|| {
                let mut encoder = Encoder::new();
                let mut take = |frame| if give(frame) { Ok(()) } else { Err(Gone::Connection) };
                loop {
                    encoder.add(&data, &mut take)?;
                    data.clear();
                    if !next(&mut data).map_err(Gone::Source)? {
                        break;
                    }
                }
                take(encoder.finish()?)
            })();
            given.is_ok()
        });
        if let Err(Gone::Source(error)) = given {
            return Err(error);
        }
        let answer = answer.map_err(Error::unavailable)?;
        if answer.status != 200 {
            return Err(Error::unavailable(said(&self.server, answer.status, &answer.body)));
        }
        let json: Json = serde_json::from_slice(&answer.body)
            .map_err(|e| Error::unavailable(format_args!("{}: no JSON: {e}", self.server.url())))?;
        let figure = |name: &str| json[name].as_u64().unwrap_or(0);
        if let (refused @ 1.., why) = (figure("refused"), &json["first_refusal"]) {
            self.refused += refused;
            self.reason = why.as_str().unwrap_or("they are over a limit of the server").to_owned();
        }
        Ok(Imported {
            series: figure("series"),
            samples: figure("samples"),
            known: figure("known"),
            expired: figure("expired"),
            refused: figure("refused"),
            blocks: figure("blocks"),
        })
    }

    /// What was refused.
    pub(super) fn refused(&self) -> Option<String> {
        match &self.write {
            Some(write) => write.refused(),
            None => (self.refused > 0).then(|| {
                format!("{} samples were refused, the first because: {}", self.refused, self.reason)
            }),
        }
    }
}

/// Why giving ended.
enum Gone {
    /// The server has ended it, and says why.
    Connection,
    Source(Error),
}

impl From<wire::remote_write::Error> for Gone {
    fn from(error: wire::remote_write::Error) -> Self {
        Self::Source(Error::internal(error))
    }
}

/// What a server says of a failure.
pub(crate) fn said(server: &Server, status: u16, body: &[u8]) -> Failed {
    let json: Option<Json> = serde_json::from_slice(body).ok();
    let text = json.as_ref().and_then(|json| json["error"].as_str()).map(str::to_owned);
    let text = text.unwrap_or_else(|| String::from_utf8_lossy(body).trim().chars().take(500).collect());
    Failed::new(format_args!("{}: {status}: {text}", server.url()))
}

/// What helps where a server wants to know who asks.
pub(crate) fn needs_token(server: &Server, body: &[u8]) -> Failed {
    let said = said(server, 401, body);
    Failed::new(format_args!("{said} (give --token, --token-file or BONGHWA_TOKEN)"))
}
