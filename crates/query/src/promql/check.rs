//! Types: what may stand where. Also fixes what only types decide (many-to-many for set operators, no matching
//! where an operand is a scalar).

use model::labels::METRIC_NAME;

use super::ast::{
    Aggregate, AggregateOp, Binary, Call, Cardinality, Expr, Span, ValueType, VectorMatching, VectorSelector,
};
use super::error::{MAX_ERRORS, ParseError};
use super::quote::go_string;

/// All mistakes in the order in which Prometheus finds them.
pub(super) fn check(query: &str, expr: &mut Expr) -> Vec<ParseError> {
    let mut checker = Checker { query, errors: Vec::new() };
    checker.expr(expr);
    checker.errors
}

struct Checker<'a> {
    query: &'a str,
    errors: Vec<ParseError>,
}

impl Checker<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(ParseError::new(self.query, span, message));
        }
    }

    fn expr(&mut self, expr: &mut Expr) -> ValueType {
        match expr {
            Expr::Number(_) | Expr::String(_) => {}
            Expr::Vector(selector) => self.selector(selector, false),
            Expr::Matrix(matrix) => self.selector(&matrix.selector, false),
            Expr::Subquery(subquery) => {
                let found = self.expr(&mut subquery.expr);
                if found != ValueType::Vector {
                    let found = found.as_str();
                    let message = format!("subquery is only allowed on instant vector, got {found} instead");
                    self.error(subquery.span, message);
                }
            }
            Expr::Unary(unary) => {
                let found = self.expr(&mut unary.expr);
                if !is_operand(found) {
                    let found = go_string(found.describe());
                    let allowed =
                        "unary expression only allowed on expressions of type scalar or instant vector";
                    self.error(unary.span, format!("{allowed}, got {found}"));
                }
            }
            Expr::Binary(binary) => self.binary(binary),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Call(call) => self.call(call),
            Expr::Paren(paren) => {
                self.expr(&mut paren.expr);
            }
        }
        expr.value_type()
    }

    fn expect(&mut self, expr: &mut Expr, wanted: ValueType, context: &str) {
        let found = self.expr(expr);
        if found != wanted {
            let (wanted, found) = (wanted.describe(), found.describe());
            self.error(expr.span(), format!("expected type {wanted} in {context}, got {found}"));
        }
    }

    fn aggregate(&mut self, aggregate: &mut Aggregate) {
        self.expect(&mut aggregate.expr, ValueType::Vector, "aggregation expression");
        let wanted = match aggregate.op {
            AggregateOp::CountValues => ValueType::String,
            _ => ValueType::Scalar,
        };
        if let Some(param) = &mut aggregate.param {
            self.expect(param, wanted, "aggregation parameter");
        }
    }

    fn binary(&mut self, binary: &mut Binary) {
        let (op, span, op_span) = (binary.op, binary.span, binary.op_span);
        let (lhs, rhs) = (self.expr(&mut binary.lhs), self.expr(&mut binary.rhs));
        if binary.return_bool && !op.is_comparison() {
            self.error(op_span, "bool modifier can only be used on comparison operators");
        }
        let scalars = lhs == ValueType::Scalar && rhs == ValueType::Scalar;
        if op.is_comparison() && !binary.return_bool && scalars {
            self.error(op_span, "comparisons between scalars must use BOOL modifier");
        }
        let matching = &mut binary.matching;
        if op.is_set() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        for label in matching.labels.iter().filter(|l| matching.on && matching.include.contains(l)) {
            let label = go_string(label);
            self.error(op_span, format!("label {label} must not occur in ON and GROUP clause at once"));
        }
        for (found, operand) in [(lhs, &binary.lhs), (rhs, &binary.rhs)] {
            if !is_operand(found) {
                let message = "binary expression must contain only scalar and instant vector types";
                self.error(operand.span(), message);
            }
        }
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if lhs != ValueType::Vector || rhs != ValueType::Vector {
            if !matching.labels.is_empty() {
                self.error(span, "vector matching only allowed between instant vectors");
            }
            if fills {
                self.error(span, "filling in missing series only allowed between instant vectors");
            }
            *matching = VectorMatching::default();
        } else if op.is_set() {
            if matching.cardinality != Cardinality::ManyToMany {
                let name = go_string(op.as_str());
                self.error(span, format!("no grouping allowed for {name} operation"));
                self.error(span, "set operations must always be many-to-many");
            }
            if fills {
                self.error(span, "filling in missing series not allowed for set operators");
            }
        }
        if op.is_set() && (lhs == ValueType::Scalar || rhs == ValueType::Scalar) {
            let name = go_string(op.as_str());
            self.error(span, format!("set operator {name} not allowed in binary scalar expression"));
        }
    }

    fn call(&mut self, call: &mut Call) {
        let function = call.function;
        let name = go_string(function.name);
        let count = call.args.len();
        let bound = match (function.min_args, function.max_args) {
            (min, max) if min == max && count != min => Some(format!("expected {min}")),
            (min, _) if count < min => Some(format!("expected at least {min}")),
            (_, max) if count > max => Some(format!("expected at most {max}")),
            _ => None,
        };
        if let Some(bound) = bound {
            self.error(call.span, format!("{bound} argument(s) in call to {name}, got {count}"));
        }
        let is_info = function.name == "info";
        if is_info && let Some(second) = call.args.get(1) {
            self.info_selector(call.span, second);
        }
        let context = format!("call to function {name}");
        for (index, arg) in call.args.iter_mut().enumerate() {
            let variadic = function.min_args != function.max_args;
            let wanted = match function.args.get(index) {
                Some(wanted) => *wanted,
                None if !variadic => break,
                None => match function.args.last() {
                    Some(wanted) => *wanted,
                    None => break,
                },
            };
            match arg {
                Expr::Vector(selector) if is_info && index == 1 => self.selector(selector, true),
                arg => {
                    let found = self.expr(arg);
                    if found != wanted {
                        let (wanted, found) = (wanted.describe(), found.describe());
                        self.error(arg.span(), format!("expected type {wanted} in {context}, got {found}"));
                    }
                }
            }
        }
    }

    /// The second argument of `info` names labels, not a metric.
    fn info_selector(&mut self, call: Span, arg: &Expr) {
        let found = arg.value_type();
        if found != ValueType::Vector {
            let (wanted, found) = (ValueType::Vector.describe(), found.describe());
            let message = format!("expected type {wanted} in call to function \"info\", got {found}");
            self.error(call, message);
        }
        match arg {
            Expr::Vector(VectorSelector { name: None, .. }) => {}
            Expr::Vector(_) => {
                self.error(arg.span(), "expected label selectors only, got vector selector instead");
            }
            _ => self.error(arg.span(), "expected label selectors only"),
        }
    }

    /// A selector must exclude something: a slip must not select all that is stored.
    fn selector(&mut self, selector: &VectorSelector, may_select_all: bool) {
        if let Some(name) = &selector.name {
            // The last matcher is the one made from the name.
            let others = selector.matchers.split_last().map_or(&[][..], |(_, rest)| rest);
            for other in others.iter().filter(|m| m.name == METRIC_NAME) {
                let (name, other) = (go_string(name), go_string(&other.value));
                self.error(selector.span, format!("metric name must not be set twice: {name} or {other}"));
            }
        } else if !may_select_all && selector.matchers.iter().all(model::Matcher::matches_empty) {
            self.error(selector.span, "vector selector must contain at least one non-empty matcher");
        }
    }
}

fn is_operand(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Scalar | ValueType::Vector)
}
