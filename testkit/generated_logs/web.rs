//! Access logs of an ingress.

use super::{Dice, Now, put};

const AGENTS: [&str; 14] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15; SM-S938N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "shop-android/6.12.1 (SM-F956N; Android 15) okhttp/4.12.0",
    "shop-ios/6.12.0 (iPhone16,2; iOS 18.5) CFNetwork/1568 Darwin/24.5.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 14; SM-A546S) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
    "kube-probe/1.33",
    "Prometheus/3.5.0",
    "python-requests/2.32.4",
    "curl/8.14.1",
];
const REFERERS: [&str; 6] = [
    "-",
    "https://shop.example.com/",
    "https://shop.example.com/cart",
    "https://search.naver.com/search.naver?query=%EC%9A%B4%EB%8F%99%ED%99%94",
    "https://shop.example.com/category/shoes",
    "https://www.google.com/",
];
/// Method, path (`#` is an id, `$` a word that was searched for), and the service behind it.
const ROUTES: [(&str, &str, &str); 24] = [
    ("GET", "/api/v1/products/#", "shop-catalog-8080"),
    ("GET", "/static/js/app.9f3b2c1d.js", "shop-web-80"),
    ("GET", "/api/v1/search?q=$&page=1&size=20", "shop-search-8080"),
    ("GET", "/", "shop-web-80"),
    ("GET", "/static/img/product/#.webp", "shop-web-80"),
    ("GET", "/api/v1/cart", "shop-cart-8080"),
    ("POST", "/api/v1/cart/items", "shop-cart-8080"),
    ("GET", "/api/v1/products/#/reviews?page=2", "shop-catalog-8080"),
    ("POST", "/api/v1/orders", "shop-orders-8080"),
    ("GET", "/api/v1/orders/#", "shop-orders-8080"),
    ("POST", "/api/v1/payments", "shop-payments-8080"),
    ("GET", "/api/v1/users/me", "shop-users-8080"),
    ("POST", "/api/v1/sessions", "shop-users-8080"),
    ("PUT", "/api/v1/cart/items/#", "shop-cart-8080"),
    ("DELETE", "/api/v1/cart/items/#", "shop-cart-8080"),
    ("GET", "/category/shoes?sort=popular", "shop-web-80"),
    ("GET", "/healthz", "shop-web-80"),
    ("GET", "/static/css/main.51ce0a77.css", "shop-web-80"),
    ("GET", "/api/v1/recommendations?user=#", "shop-search-8080"),
    ("GET", "/api/v1/deliveries/#/track", "shop-delivery-8080"),
    ("GET", "/favicon.ico", "shop-web-80"),
    ("OPTIONS", "/api/v1/orders", "shop-orders-8080"),
    ("GET", "/robots.txt", "shop-web-80"),
    ("GET", "/wp-login.php", "shop-web-80"),
];
pub(super) const WORDS: [&str; 12] = [
    "%EC%9A%B4%EB%8F%99%ED%99%94",
    "sneakers",
    "%ED%8C%A8%EB%94%A9",
    "backpack",
    "running+shoes",
    "%EC%9B%90%ED%94%BC%EC%8A%A4",
    "airpods",
    "t-shirt",
    "%EC%BA%A0%ED%95%91",
    "watch",
    "%EB%85%B8%ED%8A%B8%EB%B6%81",
    "umbrella",
];

/// An address of a client: some come often.
fn client(d: &mut Dice) -> [u64; 4] {
    let mut one = Dice::new(d.skewed(40_000));
    [
        one.one(&[1, 14, 39, 58, 106, 112, 175, 203, 211, 223]),
        one.below(256),
        one.below(256),
        one.below(254) + 1,
    ]
}

pub(super) fn line(d: &mut Dice, now: &Now, out: &mut String) -> &'static str {
    let ([a, b, c, e], (method, path, upstream), agent) = (client(d), d.early(&ROUTES), d.early(&AGENTS));
    let (day, month, year) = (now.day, now.month_name(), now.year);
    let (h, m, s) = (now.h, now.m, now.s);
    put(
        out,
        format_args!("{a}.{b}.{c}.{e} - - [{day:02}/{month}/{year}:{h:02}:{m:02}:{s:02} +0000] \"{method} "),
    );
    for piece in path.split_inclusive(['#', '$']) {
        let plain = piece.trim_end_matches(['#', '$']);
        out.push_str(plain);
        match piece.as_bytes().last() {
            Some(b'#') => put(out, format_args!("{}", 10_000 + d.skewed(200_000))),
            Some(b'$') => out.push_str(d.early(&WORDS)),
            _ => {}
        }
    }
    let status = match d.below(1000) {
        0..880 if method == "POST" => 201,
        0..880 => 200,
        880..930 => 304,
        930..940 => 302,
        940..975 => 404,
        975..988 => 401,
        988..994 => 499,
        994..997 => 500,
        _ => 502,
    };
    let size = if status == 304 { 0 } else { 120 + d.skewed(60_000) };
    let took = d.skewed(400) + if status >= 499 { 2000 } else { 1 };
    put(
        out,
        format_args!(
            " HTTP/2.0\" {status} {size} \"{}\" \"{agent}\" {} {}.{:03} [{upstream}] [] 10.42.{}.{}:8080 {size} {}.{:03} {status} {:016x}{:016x}",
            d.early(&REFERERS),
            300 + d.skewed(900),
            took / 1000,
            took % 1000,
            d.below(12),
            d.skewed(30) + 4,
            took / 1000,
            took % 1000,
            d.next(),
            d.next(),
        ),
    );
    match status {
        500.. => "ERROR",
        400.. => "WARN",
        _ => "INFO",
    }
}
