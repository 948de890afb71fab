//! `logs`: asks a server for lines, follows them, counts them. What is asked is LogQL, or words as on the Logs page.

mod ask;
mod client;
mod entries;
mod lines;
mod names;
mod numbers;
mod output;
mod patterns;
mod span;
mod stats;
mod tail;

use clap::{Args, Subcommand};
use query::logql::{self, Expr, ast::LogExpr};

use crate::http::Connection;
use crate::tsdb::remote::Token;
use crate::{Context, Exit, Failed, Outcome, args};
use client::Loki;
use output::{Color, Form, Shown, Zone};
use span::Between;

/// Arguments of `logs`.
#[derive(Debug, Args)]
#[command(after_help = "\
Words find lines that have them all; `container:api`, `status:>=500`, `took:>1.5s`, `path:/api/*` and `-word` are
understood as on the Logs page. What begins with `{` or is a function over `{...}` is LogQL. Several arguments are one
question; one with blanks in it is a phrase. Put a question that begins with a dash behind `--`.

  bonghwa logs --since 2h timeout container:api
  bonghwa logs -f level:error
  bonghwa logs '{container=\"api\"} | json | status >= 500' -o jsonl | jq .line
  bonghwa logs stats --by container")]
pub struct Logs {
    #[command(flatten)]
    asked: Asked,
    /// What to do; lines are shown where nothing is said.
    #[command(subcommand)]
    what: Option<What>,
    /// Words or LogQL; every line where there are none.
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
}

/// What can be done with logs.
#[derive(Debug, Subcommand)]
enum What {
    /// Shows lines, the newest first; of a metric query its values over the time.
    Query(Words),
    /// Evaluates a metric query at one time: the end of the range.
    #[command(visible_alias = "instant-query")]
    Instant(Words),
    /// Shows the newest lines, then those that come.
    Tail(Words),
    /// Counts lines and bytes, by label, and their most frequent patterns.
    Stats(stats::Stats),
    /// Lists the labels of streams, or the values of one.
    Labels(names::Labels),
    /// Lists streams.
    Series(Words),
    /// Lists what lines have in common, with what is new and what has gone.
    Patterns(Words),
}

/// A question.
#[derive(Debug, Args)]
struct Words {
    /// Words or LogQL; every line where there are none.
    #[arg(value_name = "QUERY")]
    words: Vec<String>,
}

/// Which server, which time, and how it is shown.
#[derive(Debug, Args)]
struct Asked {
    /// The server's URL.
    #[arg(
        long,
        visible_alias = "addr",
        value_name = "URL",
        env = "BONGHWA_URL",
        default_value = "http://127.0.0.1:9090",
        global = true
    )]
    url: String,
    #[command(flatten)]
    token: Token,
    #[command(flatten)]
    connection: Connection,
    /// A further header, `name=value`; may be given more than once.
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = args::pair, global = true)]
    headers: Vec<(String, String)>,
    #[command(flatten)]
    between: Between,
    /// The most lines; 0: all.
    #[arg(short = 'n', long, value_name = "LINES", default_value_t = 100, global = true)]
    limit: usize,
    /// The oldest lines first.
    #[arg(long, global = true)]
    forward: bool,
    /// Goes on with the lines that come, as `tail` does.
    #[arg(short = 'f', long = "follow", visible_alias = "tail", global = true)]
    follow: bool,
    /// Form of the output. `raw`: lines only; `jsonl` (or `json`): an object a line.
    #[arg(short = 'o', long = "output", value_name = "FORM", default_value = "default", global = true)]
    form: Form,
    /// Whether lines are coloured by their level; `auto`: on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    color: Color,
    /// Says nothing beside the output.
    #[arg(short = 'q', long, global = true)]
    quiet: bool,
    /// Shows all labels of a line's stream.
    #[arg(long, global = true)]
    labels: bool,
    /// Shows no labels.
    #[arg(long = "no-labels", global = true)]
    no_labels: bool,
    /// Shows this label; may be given more than once.
    #[arg(long = "include-label", value_name = "NAME", global = true)]
    include: Vec<String>,
    /// Shows all labels but this one; may be given more than once.
    #[arg(long = "exclude-label", value_name = "NAME", global = true)]
    exclude: Vec<String>,
    /// Which clock times are shown by.
    #[arg(
        short = 'z',
        long = "timezone",
        value_name = "ZONE",
        default_value = "local",
        ignore_case = true,
        global = true
    )]
    zone: Zone,
}

impl Logs {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let asked = &self.asked;
        let what = self.what.unwrap_or(What::Query(Words { words: self.words }));
        match what {
            What::Query(Words { words }) if asked.follow => tail::run(asked, &words, context),
            What::Query(Words { words }) => lines::run(asked, &words, context),
            What::Instant(Words { words }) => numbers::instant(asked, &words, context),
            What::Tail(Words { words }) => tail::run(asked, &words, context),
            What::Stats(stats) => stats.run(asked, context),
            What::Labels(labels) => labels.run(asked, context),
            What::Series(Words { words }) => names::series(asked, &words, context),
            What::Patterns(Words { words }) => patterns::run(asked, &words, context),
        }
    }
}

impl Asked {
    fn server(&self) -> Result<Loki, Failed> {
        Loki::connect(&self.url, &self.connection, &self.token, &self.headers)
    }

    fn shown(&self, context: &Context<'_>) -> Shown {
        Shown::new(self, context.terminal)
    }

    /// Says something beside the output, unless nothing is wanted.
    fn say(&self, context: &mut Context<'_>, text: &str) -> Result<(), Failed> {
        if !self.quiet {
            context.out.flush()?;
            writeln!(context.err, "{text}")?;
        }
        Ok(())
    }
}

/// What `words` ask, as LogQL, and as a tree.
fn question(loki: &Loki, words: &[String], span: (i64, i64)) -> Result<(String, Expr), Failed> {
    let text = ask::joined(words);
    let text = if ask::is_logql(&text) {
        text.trim().to_owned()
    } else {
        ask::translate(&text, &loki.known(&text, span)?)
    };
    let expr = logql::parse(&text).map_err(|error| Failed(pointed(&text, &error)))?;
    Ok((text, expr))
}

/// Likewise, where only lines will do.
fn log_question(loki: &Loki, words: &[String], span: (i64, i64)) -> Result<(String, LogExpr), Failed> {
    match question(loki, words, span)? {
        (text, Expr::Log(expr)) => Ok((text, expr)),
        (text, Expr::Metric(_)) => {
            Err(Failed(format!("{text}\nyields numbers; here lines are wanted: {{...}} and filters")))
        }
    }
}

/// The mistake with the place that it is about.
fn pointed(text: &str, error: &logql::ParseError) -> String {
    let said = error.to_string();
    if error.line == 0 {
        return said;
    }
    let line = text.lines().nth(error.line - 1).unwrap_or_default();
    let before = line.get(..error.column.saturating_sub(1)).unwrap_or(line);
    format!("{said}\n  {line}\n  {}^", " ".repeat(before.chars().count()))
}

/// The selector of a query, and whether there is more to it.
fn selector_of(expr: &LogExpr) -> (String, bool) {
    let more = !expr.stages.is_empty();
    let bare = LogExpr { stages: Vec::new(), ..expr.clone() };
    (logql::format(&Expr::Log(bare)), more)
}

/// Nothing was found: said beside the output, and no failure.
fn nothing(asked: &Asked, context: &mut Context<'_>, text: &str) -> Outcome {
    asked.say(context, &format!("no lines: {text} {}", asked.between.described()))?;
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests;
