//! Where the bytes of parts are: what each kind of column and each field takes. `cargo run --release -p events --example sizes
//! -- DATA/.../records/default/log/parts`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a command-line report")]

fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let sizes = events::wide::sizes(&disk::RealFs, dir.as_ref()).unwrap();
    let stored: u64 = sizes.columns.iter().map(|c| c.stored).sum();
    let a_row = |bytes: u64| bytes as f64 / sizes.rows as f64;
    println!("{} rows, {} blocks, {} bytes: {:.2} a row", sizes.rows, sizes.blocks, stored, a_row(stored));
    for column in &sizes.columns {
        println!(
            "{:7.2} a row {:11} stored {:11} raw {:6} columns  {}",
            a_row(column.stored),
            column.stored,
            column.raw,
            column.columns,
            column.name
        );
    }
}
