//! Codecs over runs as the head seals them (15 samples), as a flush writes them (two hours at 15 s) and as compaction
//! does (a day), for each way in which values of exporters move. The name says the bytes a sample.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tsdb::measuring;

const LENGTHS: [usize; 3] = [15, 480, 5760];

/// Seeded and quick: xorshift64*.
struct Random(u64);

impl Random {
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn runs(n: usize) -> Vec<(&'static str, Vec<f64>)> {
    let mut random = Random(0x5eed);
    let mut grow = |from: f64, mut step: Box<dyn FnMut(f64, f64) -> f64>| {
        let mut value = from;
        (0..n)
            .map(|_| {
                value = step(value, random.unit());
                value
            })
            .collect::<Vec<f64>>()
    };
    vec![
        ("constant", grow(4096.0, Box::new(|v, _| v))),
        ("bytes", grow(1e9, Box::new(|v, u| v + (u * 1e5).round()))),
        ("seldom", grow(1e4, Box::new(|v, u| v + if u < 0.05 { 1.0 } else { 0.0 }))),
        ("ticks", grow(1e4, Box::new(|v, u| ((v + 15.0 * (0.6 + 0.8 * u)) * 100.0).round() / 100.0))),
        ("nanoseconds", grow(1e4, Box::new(|v, u| ((v + u) * 1e9).round() / 1e9))),
        ("pages", grow(4e9, Box::new(|v, u| v + ((u - 0.5) * 1000.0).round() * 4096.0))),
        ("floats", grow(0.5, Box::new(|v, u| (v + (u - 0.5) * 0.02).clamp(0.0, 1.0)))),
    ]
}

fn values(c: &mut Criterion) {
    for n in LENGTHS {
        let mut group = c.benchmark_group(format!("values of {n}"));
        group.throughput(Throughput::Elements(n as u64));
        for (name, run) in runs(n) {
            let mut bytes = Vec::new();
            measuring::encode_values(&run, true, &mut bytes);
            let id = |what: &str| {
                BenchmarkId::new(what, format!("{name}, {:.2} B", bytes.len() as f64 / n as f64))
            };
            let mut out = Vec::new();
            group.bench_function(id("encode"), |b| {
                b.iter(|| {
                    out.clear();
                    measuring::encode_values(black_box(&run), true, &mut out);
                });
            });
            let (mut ints, mut back) = (Vec::new(), Vec::new());
            group.bench_function(id("decode"), |b| {
                b.iter(|| {
                    back.clear();
                    assert!(measuring::decode_values(black_box(&bytes), n, &mut ints, &mut back));
                });
            });
        }
        group.finish();
    }
}

fn times(c: &mut Criterion) {
    for n in LENGTHS {
        let mut random = Random(0x7157);
        let times: Vec<i64> =
            (0..n as i64).map(|k| 1_700_000_000_000 + k * 15_000 + (random.unit() * 7.0) as i64).collect();
        let mut bytes = Vec::new();
        measuring::encode_times(&times, &mut bytes);
        let mut group = c.benchmark_group(format!("times of {n}, {:.2} B", bytes.len() as f64 / n as f64));
        group.throughput(Throughput::Elements(n as u64));
        let mut out = Vec::new();
        group.bench_function("encode", |b| {
            b.iter(|| {
                out.clear();
                measuring::encode_times(black_box(&times), &mut out);
            });
        });
        let mut back = Vec::new();
        group.bench_function("decode", |b| {
            b.iter(|| {
                back.clear();
                assert!(measuring::decode_times(black_box(&bytes), n, &mut back));
            });
        });
        group.finish();
    }
}

criterion_group!(benches, values, times);
criterion_main!(benches);
