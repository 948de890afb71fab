//! Tables: times beside each other, ratios, and how the cost grows.

use super::shapes::SHAPES;

/// A column of the table: a program, the way it is asked, and one time a shape.
pub(crate) struct Column {
    pub(crate) title: String,
    pub(crate) ms: Vec<f64>,
    /// How many series came, where that was looked at.
    pub(crate) series: Vec<usize>,
}

/// One line a shape, one column a way of asking, and what the ratios of the first column come to.
pub(crate) fn print_table(what: &str, columns: &[Column]) {
    println!("\n{what}");
    print!("{:<34}", "query");
    columns.iter().for_each(|c| print!("{:>17}", c.title));
    println!();
    for (n, shape) in SHAPES.iter().enumerate() {
        print!("{:<34}", shape.name);
        columns.iter().for_each(|c| print!("{:>17.2}", c.ms[n]));
        let counts: Vec<usize> = columns.iter().filter_map(|c| c.series.get(n).copied()).collect();
        let differ = counts.windows(2).any(|w| w[0] != w[1]);
        println!("{}", if differ { format!("   series: {counts:?}") } else { String::new() });
    }
    let Some((ours, others)) = columns.split_first() else { return };
    for other in others {
        let ratios: Vec<f64> = ours.ms.iter().zip(&other.ms).map(|(a, b)| a / b).collect();
        let slow: Vec<f64> =
            ratios.iter().zip(&other.ms).filter(|(_, ms)| **ms > 20.0).map(|(r, _)| *r).collect();
        let worst = ratios.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        println!(
            "ratio to {}: median {:.2}, geometric mean {:.2}, where it takes > 20 ms {:.2} ({} shapes), worst {:.2} ({})",
            other.title,
            super::ask::median(ratios.clone()),
            mean(&ratios),
            mean(&slow),
            slow.len(),
            worst.map_or(f64::NAN, |w| *w.1),
            worst.map_or("", |w| SHAPES[w.0].name),
        );
    }
}

/// The geometric mean.
fn mean(values: &[f64]) -> f64 {
    (values.iter().map(|v| v.max(1e-6).ln()).sum::<f64>() / values.len() as f64).exp()
}

/// The slope of a line through the logarithms: 1 is linear.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.max(1e-6).ln())).collect();
    let (mx, my) = (logs.iter().map(|p| p.0).sum::<f64>() / n, logs.iter().map(|p| p.1).sum::<f64>() / n);
    let covariance: f64 = logs.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    covariance / logs.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
}
