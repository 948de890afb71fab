use super::*;

fn file(text: &str) -> rust_embed::EmbeddedFile {
    rust_embed::EmbeddedFile {
        data: text.as_bytes().to_vec().into(),
        metadata: rust_embed::Metadata::__rust_embed_new([7; 32], None, None),
    }
}

fn asked(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
    pairs.iter().map(|(n, v)| (n.clone(), v.parse().unwrap())).collect()
}

/// The interface that was built when this was compiled is inside; without one there is a page that says so.
#[test]
fn what_was_built_is_embedded() {
    let built = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/dist/index.html").exists();
    assert_eq!(is_built(), built);
}

#[test]
fn hashed_files_are_cached_for_good_and_pages_are_asked_for_again() {
    let script = answer("assets/index-abc.js", &file("x"), &HeaderMap::new());
    assert_eq!(script.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
    let page = answer("index.html", &file("x"), &HeaderMap::new());
    assert_eq!(page.headers()[header::CACHE_CONTROL], "no-cache");
    assert!(page.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("script-src 'self';"));
    let etag = page.headers()[header::ETAG].to_str().unwrap().to_owned();
    let again = answer("index.html", &file("x"), &asked(&[(header::IF_NONE_MATCH, &etag)]));
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    let other = answer("index.html", &file("x"), &asked(&[(header::IF_NONE_MATCH, "\"else\"")]));
    assert_eq!(other.status(), StatusCode::OK);
}

#[test]
fn texts_are_compressed_where_the_browser_takes_it() {
    let text = "let a = 1;\n".repeat(1000);
    let encoding = |accepts: &str| {
        let response = answer("assets/a.js", &file(&text), &asked(&[(header::ACCEPT_ENCODING, accepts)]));
        response.headers().get(header::CONTENT_ENCODING).cloned()
    };
    assert_eq!(encoding("br, gzip").unwrap(), "gzip");
    assert!(encoding("br").is_none() && encoding("gzip;q=0").is_none());
    let response = answer("assets/a.js", &file(&text), &HeaderMap::new());
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
}

#[test]
fn the_page_carries_its_prefix_and_title_and_nothing_they_could_smuggle_in() {
    let html = "<html><head><title>Bonghwa</title></head></html>";
    let web =
        Web { external_path: "/a\"b".to_owned(), title: "</title><script>".to_owned(), ..Web::default() };
    let page = index(&file(html), &web, &HeaderMap::new());
    let plain = index(&file(html), &Web::default(), &HeaderMap::new());
    assert_ne!(page.headers()[header::ETAG], plain.headers()[header::ETAG]);
    let text = |page: Response| {
        let body = futures::executor::block_on(axum::body::to_bytes(page.into_body(), 10_000)).unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    };
    assert!(text(plain).contains("<head><base href=\"/\" /><title>Bonghwa</title>"));
    let text = text(page);
    assert!(text.contains("href=\"/a&quot;b/\"") && text.contains("&lt;/title&gt;&lt;script&gt;"), "{text}");
}

#[test]
fn pages_are_those_of_the_interface() {
    let router =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/app/router.tsx")).unwrap();
    let mut there: Vec<&str> = router
        .split('\'')
        .filter_map(|text| text.strip_prefix('/'))
        .map(|path| path.split('/').next().unwrap())
        .filter(|first| !first.is_empty())
        .collect();
    there.push("index.html");
    there.sort_unstable();
    there.dedup();
    assert_eq!(there, PAGES);
    for (path, page) in [("", true), ("nodes/a", true), ("favicon.ico", false), ("healthz", false)] {
        assert_eq!(is_page(path), page, "{path}");
    }
}
