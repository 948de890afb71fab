//! A pass over the parsed tree: names are checked as Go's parser does, and calls, fields and methods become calls of
//! three functions of ours that know the place in the source.
//!
//! ```text
//! humanize $value        ->  __at "1:118" "humanize $value" "humanize" $value
//! $labels.job            ->  __field "1:118" "$labels.job" $labels "job"
//! ($t | toTime).Format x ->  __method "1:118" "($t | toTime).Format x" ($t | toTime) "Format" x
//! {{ $value }}           ->  {{ $value | __print }}, so that numbers look as Go prints them
//! ```

use gotmpl::parse::{BranchNode, CommandNode, Expr, ListNode, Node, Number, PipeNode, Pos, SmolStr};

/// Functions of the language itself.
const BUILT_IN: [&str; 15] = [
    "and", "call", "eq", "ge", "gt", "html", "js", "le", "len", "lt", "ne", "not", "or", "slice", "urlquery",
];

/// Line and message of a mistake.
type Fault = (usize, String);

/// Rewrites a tree of `source` that may call the functions `names`.
pub(super) fn rewrite(source: &str, names: &[&str], list: ListNode) -> Result<ListNode, Fault> {
    Pass { source, names, variables: vec!["$".to_owned()] }.list(list)
}

struct Pass<'a> {
    source: &'a str,
    names: &'a [&'a str],
    variables: Vec<String>,
}

impl Pass<'_> {
    fn list(&mut self, list: ListNode) -> Result<ListNode, Fault> {
        let nodes = list.nodes.into_iter().map(|node| self.node(node)).collect::<Result<_, _>>()?;
        Ok(ListNode { pos: list.pos, nodes })
    }

    fn node(&mut self, node: Node) -> Result<Node, Fault> {
        Ok(match node {
            Node::List(list) => Node::List(self.list(list)?),
            Node::Action(mut action) => {
                action.pipe = self.pipe(action.pipe)?;
                if action.pipe.decl.is_empty() {
                    action.pipe = printed(action.pipe);
                }
                Node::Action(action)
            }
            Node::If(branch) => Node::If(self.branch(branch)?),
            Node::Range(branch) => Node::Range(self.branch(branch)?),
            Node::With(branch) => Node::With(self.branch(branch)?),
            Node::Template(mut call) => {
                call.pipe = call.pipe.map(|pipe| self.pipe(pipe)).transpose()?;
                Node::Template(call)
            }
            other => other,
        })
    }

    fn branch(&mut self, branch: BranchNode) -> Result<BranchNode, Fault> {
        let outside = self.variables.len();
        let pipe = self.pipe(branch.pipe)?;
        let inside = self.variables.len();
        let body = self.list(branch.body)?;
        self.variables.truncate(inside);
        let else_body = branch.else_body.map(|list| self.list(list)).transpose()?;
        self.variables.truncate(outside);
        Ok(BranchNode { pos: branch.pos, pipe, body, else_body })
    }

    fn pipe(&mut self, mut pipe: PipeNode) -> Result<PipeNode, Fault> {
        for name in &pipe.decl {
            if pipe.is_assign {
                self.known_variable(pipe.pos, name)?;
            } else {
                self.variables.push(name.to_string());
            }
        }
        let commands = std::mem::take(&mut pipe.commands);
        pipe.commands = commands
            .into_iter()
            .enumerate()
            .map(|(at, command)| self.command(command, at > 0))
            .collect::<Result<_, _>>()?;
        Ok(pipe)
    }

    fn command(&mut self, command: CommandNode, piped: bool) -> Result<CommandNode, Fault> {
        let shown = shown_command(&command);
        let pos = command.pos;
        let mut args = command.args.into_iter();
        let Some(first) = args.next() else { return Ok(CommandNode { pos, args: Vec::new() }) };
        let rest: Vec<Expr> = args.map(|arg| self.expr(arg)).collect::<Result<_, _>>()?;
        let mut all = Vec::with_capacity(rest.len() + 4);
        match first {
            Expr::Identifier(at, name) => {
                self.known_function(at, &name)?;
                if self.names.contains(&name.as_str()) {
                    all.extend([name_of(pos, "__at"), self.place(pos), text(pos, &shown), text(pos, &name)]);
                } else {
                    all.push(Expr::Identifier(at, name));
                }
            }
            // With arguments, the last name is a method.
            Expr::Field(at, mut fields) if (piped || !rest.is_empty()) && !fields.is_empty() => {
                let method = fields.pop().unwrap_or_default();
                let receiver = if fields.is_empty() { Expr::Dot(at) } else { Expr::Field(at, fields) };
                let receiver = self.expr(receiver)?;
                all.extend([name_of(pos, "__method"), self.place(pos), text(pos, &shown), receiver]);
                all.push(text(pos, &method));
            }
            Expr::Chain(at, inner, mut fields) if (piped || !rest.is_empty()) && !fields.is_empty() => {
                let method = fields.pop().unwrap_or_default();
                let receiver = if fields.is_empty() { *inner } else { Expr::Chain(at, inner, fields) };
                let receiver = self.expr(receiver)?;
                all.extend([name_of(pos, "__method"), self.place(pos), text(pos, &shown), receiver]);
                all.push(text(pos, &method));
            }
            Expr::Variable(at, name, mut fields) if (piped || !rest.is_empty()) && !fields.is_empty() => {
                let method = fields.pop().unwrap_or_default();
                let receiver = self.expr(Expr::Variable(at, name, fields))?;
                all.extend([name_of(pos, "__method"), self.place(pos), text(pos, &shown), receiver]);
                all.push(text(pos, &method));
            }
            other => all.push(self.expr(other)?),
        }
        all.extend(rest);
        Ok(CommandNode { pos, args: all })
    }

    fn expr(&mut self, expr: Expr) -> Result<Expr, Fault> {
        let shown = shown(&expr);
        Ok(match expr {
            Expr::Field(pos, fields) => self.field(pos, &shown, Expr::Dot(pos), fields),
            Expr::Variable(pos, name, fields) => {
                self.known_variable(pos, &name)?;
                let variable = Expr::Variable(pos, name, Vec::new());
                if fields.is_empty() {
                    return Ok(variable);
                }
                // Go's place of a variable with fields is that of the first full stop.
                let dot = Pos::new(pos.offset + shown.find('.').unwrap_or(0), pos.line);
                self.field(dot, &shown, variable, fields)
            }
            Expr::Chain(pos, inner, fields) => {
                let inner = self.expr(*inner)?;
                self.field(pos, &shown, inner, fields)
            }
            Expr::Pipe(pos, pipe) => Expr::Pipe(pos, self.pipe(pipe)?),
            Expr::Identifier(pos, name) => {
                let call = CommandNode { pos, args: vec![Expr::Identifier(pos, name)] };
                one(pos, self.command(call, false)?)
            }
            other => other,
        })
    }

    fn field(&self, pos: Pos, shown: &str, receiver: Expr, fields: Vec<SmolStr>) -> Expr {
        let mut args = vec![name_of(pos, "__field"), self.place(pos), text(pos, shown), receiver];
        args.extend(fields.iter().map(|field| text(pos, field)));
        one(pos, CommandNode { pos, args })
    }

    fn known_function(&self, pos: Pos, name: &str) -> Result<(), Fault> {
        if self.names.contains(&name) || BUILT_IN.contains(&name) {
            return Ok(());
        }
        Err((self.line(pos), format!("function {name:?} not defined")))
    }

    fn known_variable(&self, pos: Pos, name: &str) -> Result<(), Fault> {
        if self.variables.iter().any(|known| known == name) {
            return Ok(());
        }
        Err((self.line(pos), format!("undefined variable {name:?}")))
    }

    fn line(&self, pos: Pos) -> usize {
        1 + self.before(pos).matches('\n').count()
    }

    /// `line:column` as Go counts them: columns in bytes from 0.
    fn place(&self, pos: Pos) -> Expr {
        let before = self.before(pos);
        let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
        text(pos, &format!("{}:{column}", self.line(pos)))
    }

    fn before(&self, pos: Pos) -> &str {
        self.source.get(..pos.offset).unwrap_or(self.source)
    }
}

/// The pipe with its result turned into text.
fn printed(pipe: PipeNode) -> PipeNode {
    let pos = pipe.pos;
    let args = vec![name_of(pos, "__print"), Expr::Pipe(pos, pipe)];
    PipeNode { pos, decl: Vec::new(), commands: vec![CommandNode { pos, args }], is_assign: false }
}

fn one(pos: Pos, command: CommandNode) -> Expr {
    Expr::Pipe(pos, PipeNode { pos, decl: Vec::new(), commands: vec![command], is_assign: false })
}

fn name_of(pos: Pos, name: &'static str) -> Expr {
    Expr::Identifier(pos, SmolStr::new_static(name))
}

fn text(pos: Pos, text: &str) -> Expr {
    Expr::String(pos, text.into())
}

/// A node as Go prints it.
fn shown(expr: &Expr) -> String {
    let dotted = |fields: &[SmolStr]| fields.iter().map(|f| format!(".{f}")).collect::<String>();
    match expr {
        Expr::Dot(_) => ".".to_owned(),
        Expr::Field(_, fields) => dotted(fields),
        Expr::Variable(_, name, fields) => format!("{name}{}", dotted(fields)),
        Expr::Identifier(_, name) => name.to_string(),
        Expr::String(_, text) => format!("{text:?}"),
        Expr::Number(_, Number::Int(n)) => n.to_string(),
        Expr::Number(_, Number::Uint(n)) => n.to_string(),
        Expr::Number(_, Number::Float(n)) => n.to_string(),
        Expr::Bool(_, value) => value.to_string(),
        Expr::Nil(_) => "nil".to_owned(),
        Expr::Pipe(_, pipe) => format!("({})", shown_pipe(pipe)),
        Expr::Chain(_, inner, fields) => format!("{}{}", shown(inner), dotted(fields)),
    }
}

fn shown_command(command: &CommandNode) -> String {
    command.args.iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn shown_pipe(pipe: &PipeNode) -> String {
    pipe.commands.iter().map(shown_command).collect::<Vec<_>>().join(" | ")
}
