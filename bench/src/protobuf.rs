//! Just enough protobuf to write a remote-write 1.0 request.

/// Appends a varint.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a length-delimited field.
pub(crate) fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// The labels of a series as `TimeSeries.labels` fields, sorted as the protocol wants.
pub(crate) fn labels(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in pairs {
        let mut label = Vec::new();
        bytes(&mut label, 1, name.as_bytes());
        bytes(&mut label, 2, value.as_bytes());
        bytes(&mut out, 1, &label);
    }
    out
}

/// Appends one `TimeSeries` with one sample to a `WriteRequest`.
pub(crate) fn series(out: &mut Vec<u8>, labels: &[u8], t: i64, v: f64) {
    let sample = 1 + 8 + 1 + varint_len(t as u64);
    varint(out, 1 << 3 | 2);
    varint(out, (labels.len() + 2 + sample) as u64);
    out.extend_from_slice(labels);
    out.extend_from_slice(&[2 << 3 | 2, sample as u8, 1 << 3 | 1]);
    out.extend_from_slice(&v.to_le_bytes());
    out.push(2 << 3);
    varint(out, t as u64);
}
