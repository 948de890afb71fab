//! Long expressions over several lines.

use crate::promql::ast::Expr;

/// What is longer, in bytes, is broken.
const MAX_LINE: usize = 100;

/// Breaks a query over lines the way Prometheus' `format_query` does: an expression of more than 100 characters has
/// its operands or arguments on lines of their own, indented by two blanks a level.
pub fn format(expr: &Expr) -> String {
    let mut out = String::new();
    put(expr, 0, &mut out);
    out
}

fn indent(level: usize, out: &mut String) {
    out.extend(std::iter::repeat_n("  ", level));
}

fn put(expr: &Expr, level: usize, out: &mut String) {
    let line = expr.to_string();
    let leaf = matches!(expr, Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_));
    if leaf || (line.len() <= MAX_LINE && !matches!(expr, Expr::Unary(_))) {
        // A short subquery is the one thing that Prometheus does not indent.
        if !matches!(expr, Expr::Subquery(_)) {
            indent(level, out);
        }
        out.push_str(&line);
        return;
    }
    put_broken(expr, level, out);
}

fn put_broken(expr: &Expr, level: usize, out: &mut String) {
    match expr {
        Expr::Aggregate(node) => {
            let args = node.param.as_deref().into_iter().chain([&*node.expr]);
            put_list(&node.operator(), args, level, out);
        }
        Expr::Call(node) => put_list(node.function.name, node.args.iter(), level, out),
        Expr::Paren(node) => put_list("", [&*node.expr].into_iter(), level, out),
        Expr::Binary(node) => {
            if matches!(*node.lhs, Expr::Number(_)) {
                indent(level + 1, out);
                out.push_str(&node.left());
            } else {
                put(&node.lhs, level + 1, out);
            }
            out.push('\n');
            indent(level, out);
            out.push_str(&node.operator());
            out.push('\n');
            put(&node.rhs, level + 1, out);
        }
        Expr::Subquery(node) => {
            put(&node.expr, level, out);
            out.push_str(&node.suffix());
        }
        Expr::Unary(node) => {
            indent(level, out);
            out.push(if node.negative { '-' } else { '+' });
            let mut operand = String::new();
            put(&node.expr, level, &mut operand);
            out.push_str(operand.trim());
        }
        // Leaves are never broken.
        Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => {}
    }
}

fn put_list<'a>(head: &str, args: impl Iterator<Item = &'a Expr>, level: usize, out: &mut String) {
    indent(level, out);
    out.push_str(head);
    out.push('(');
    for (index, arg) in args.enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        put(arg, level + 1, out);
    }
    out.push('\n');
    indent(level, out);
    out.push(')');
}
