//! Just enough protobuf to write a remote-write 1.0 request.

/// Appends a varint.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a length-delimited field.
pub(crate) fn bytes(out: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, content.len() as u64);
    out.extend_from_slice(content);
}

/// The labels of a series as `TimeSeries.labels` fields, sorted as the protocol wants.
pub(crate) fn labels(pairs: &[(&str, String)]) -> Vec<u8> {
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
    let mut sample = Vec::with_capacity(20);
    sample.push(1 << 3 | 1);
    sample.extend_from_slice(&v.to_le_bytes());
    sample.push(2 << 3);
    varint(&mut sample, t as u64);
    let mut body = Vec::with_capacity(labels.len() + sample.len() + 4);
    body.extend_from_slice(labels);
    bytes(&mut body, 2, &sample);
    bytes(out, 1, &body);
}
