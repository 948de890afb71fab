use super::*;

fn write(text: &str) -> Result<RemoteWriteConfig, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

#[test]
fn a_receiver_has_prometheus_defaults() {
    let config = write("url: http://u:geheim@h/write").unwrap();
    assert_eq!((config.queue_config.capacity, config.queue_config.max_shards), (10_000, 50));
    assert!(!config.http.enable_http2 && config.metadata_config.send);
    assert_eq!(config.protobuf_message, ProtobufMessage::V1);
    let shown = serde_saphyr::to_string(&config).unwrap();
    assert!(!shown.contains("geheim"), "{shown}");
    for line in ["remote_timeout: 30s", "enable_http2: false", "min_backoff: 30ms", "send_interval: 1m"] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
}

#[test]
fn contradictions_are_refused_in_prometheus_words() {
    for (text, message) in [
        ("{}", "url for remote_write is empty"),
        ("{url: x, headers: {Authorization: a}}", "authorization header must be changed via"),
        ("{url: x, headers: {x-amz-date: a}}", "x-amz-date is a reserved header"),
        ("{url: x, queue_config: {max_shards: 0}}", "max_shards must be positive"),
        ("{url: x, queue_config: {max_backoff: 1ms}}", "max_backoff must not be less than min_backoff"),
        ("{url: x, write_relabel_configs: [null]}", "empty or null relabeling rule in remote write config"),
        ("{url: x, basic_auth: {}, sigv4: {}}", "Currently configured: [basic_auth sigv4]"),
        ("{url: x, sigv4: {access_key: a}}", "must provide a AWS SigV4 Access key and Secret Key"),
        ("{url: x, azuread: {}}", "must provide an Azure Managed Identity"),
        ("{url: x, azuread: {managed_identity: {client_id: a}}}", "Managed Identity client_id is invalid"),
        ("{url: x, quue_config: {}}", "did you mean \"queue_config\"?"),
    ] {
        let error = write(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
    let error = serde_saphyr::from_str::<RemoteReadConfig>("{}").unwrap_err().to_string();
    assert!(error.contains("url for remote_read is empty"), "{error}");
}

#[test]
fn clouds_are_named_as_unsupported() {
    let id = "00000000-a12b-3cd4-e56f-000000000000";
    let config = write(&format!("{{url: x, azuread: {{managed_identity: {{client_id: {id}}}}}}}")).unwrap();
    assert_eq!(config.unsupported(), Some("azuread"));
    assert_eq!(write("{url: x}").unwrap().unsupported(), None);
}
