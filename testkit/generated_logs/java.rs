//! Java: Spring's lines, some with a stack trace.

use super::{Dice, Now, put};

/// What goes wrong: the class, its message (`#` is an id), the frame where, and what was behind it.
const FAILURES: [(&str, &str, &str, &str); 6] = [
    (
        "java.lang.IllegalStateException",
        "cart # is closed",
        "com.example.shop.cart.CartService.add(CartService.java:87)",
        "",
    ),
    (
        "org.springframework.dao.CannotAcquireLockException",
        "could not execute statement; cart #",
        "org.springframework.orm.jpa.vendor.HibernateJpaDialect.convertHibernateAccessException(HibernateJpaDialect.java:290)",
        "org.postgresql.util.PSQLException: ERROR: deadlock detected",
    ),
    (
        "java.util.concurrent.TimeoutException",
        "no answer from inventory within 2000 ms, item #",
        "com.example.shop.inventory.InventoryClient.reserve(InventoryClient.java:142)",
        "",
    ),
    (
        "java.lang.NullPointerException",
        "Cannot invoke \"com.example.shop.cart.Price.amount()\" because \"price\" is null",
        "com.example.shop.cart.Totals.sum(Totals.java:53)",
        "",
    ),
    (
        "org.springframework.web.client.ResourceAccessException",
        "I/O error on POST request for \"http://payments:8080/api/v1/payments\": Connection reset",
        "org.springframework.web.client.RestTemplate.createResourceAccessException(RestTemplate.java:926)",
        "java.net.SocketException: Connection reset",
    ),
    (
        "com.fasterxml.jackson.databind.exc.MismatchedInputException",
        "Cannot deserialize value of type `int` from String \"#x\"",
        "com.fasterxml.jackson.databind.DeserializationContext.reportInputMismatch(DeserializationContext.java:1767)",
        "",
    ),
];
const OWN: [&str; 6] = [
    "com.example.shop.cart.CartService.add(CartService.java:91)",
    "com.example.shop.cart.CartController.addItem(CartController.java:64)",
    "com.example.shop.cart.CartService.checkout(CartService.java:188)",
    "com.example.shop.cart.CartController.checkout(CartController.java:97)",
    "com.example.shop.inventory.Reservations.hold(Reservations.java:71)",
    "com.example.shop.cart.CartService.lambda$checkout$3(CartService.java:203)",
];
/// What every request goes through.
const FRAMEWORK: [&str; 26] = [
    "java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)",
    "java.base/java.lang.reflect.Method.invoke(Method.java:580)",
    "org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:258)",
    "org.springframework.web.method.support.InvocableHandlerMethod.invokeForRequest(InvocableHandlerMethod.java:191)",
    "org.springframework.web.servlet.mvc.method.annotation.ServletInvocableHandlerMethod.invokeAndHandle(ServletInvocableHandlerMethod.java:118)",
    "org.springframework.web.servlet.mvc.method.annotation.RequestMappingHandlerAdapter.invokeHandlerMethod(RequestMappingHandlerAdapter.java:986)",
    "org.springframework.web.servlet.mvc.method.AbstractHandlerMethodAdapter.handle(AbstractHandlerMethodAdapter.java:87)",
    "org.springframework.web.servlet.DispatcherServlet.doDispatch(DispatcherServlet.java:1089)",
    "org.springframework.web.servlet.DispatcherServlet.doService(DispatcherServlet.java:979)",
    "org.springframework.web.servlet.FrameworkServlet.processRequest(FrameworkServlet.java:1014)",
    "org.springframework.web.servlet.FrameworkServlet.doPost(FrameworkServlet.java:914)",
    "jakarta.servlet.http.HttpServlet.service(HttpServlet.java:590)",
    "org.apache.catalina.core.ApplicationFilterChain.internalDoFilter(ApplicationFilterChain.java:195)",
    "org.apache.catalina.core.ApplicationFilterChain.doFilter(ApplicationFilterChain.java:140)",
    "org.springframework.web.filter.OncePerRequestFilter.doFilter(OncePerRequestFilter.java:116)",
    "org.springframework.security.web.FilterChainProxy.doFilterInternal(FilterChainProxy.java:233)",
    "org.apache.catalina.core.StandardWrapperValve.invoke(StandardWrapperValve.java:167)",
    "org.apache.catalina.core.StandardContextValve.invoke(StandardContextValve.java:90)",
    "org.apache.catalina.core.StandardHostValve.invoke(StandardHostValve.java:115)",
    "org.apache.catalina.valves.ErrorReportValve.invoke(ErrorReportValve.java:93)",
    "org.apache.catalina.connector.CoyoteAdapter.service(CoyoteAdapter.java:344)",
    "org.apache.coyote.http11.Http11Processor.service(Http11Processor.java:397)",
    "org.apache.coyote.AbstractProtocol$ConnectionHandler.process(AbstractProtocol.java:905)",
    "org.apache.tomcat.util.net.NioEndpoint$SocketProcessor.doRun(NioEndpoint.java:1741)",
    "org.apache.tomcat.util.threads.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1190)",
    "java.base/java.lang.Thread.run(Thread.java:1583)",
];

pub(super) fn line(d: &mut Dice, now: &Now, out: &mut String) -> (&'static str, &'static str) {
    let app = if d.below(3) == 0 { "inventory" } else { "cart" };
    let failed = d.below(100) < 3;
    let level = if failed { "ERROR" } else { d.level() };
    let Now { year, month, day, h, m, s, us, .. } = now;
    put(
        out,
        format_args!(
            "{year}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}.{:03} {level:>5} 1 --- [nio-8080-exec-{}] ",
            us / 1000,
            d.below(32) + 1
        ),
    );
    if failed {
        trace(d, out);
    } else {
        ordinary(d, app, out);
    }
    (app, level)
}

fn ordinary(d: &mut Dice, app: &str, out: &mut String) {
    let id = d.skewed(100_000);
    match (app, d.below(10)) {
        ("cart", 0..5) => put(
            out,
            format_args!(
                "c.e.shop.cart.CartController             : cart {id} has {} items, total {} KRW",
                d.skewed(30),
                d.skewed(9000) * 100
            ),
        ),
        ("cart", 5..8) => put(
            out,
            format_args!(
                "c.e.shop.cart.CartService                : item {} added to cart {id} by user {}",
                d.skewed(200_000),
                d.skewed(300_000)
            ),
        ),
        ("cart", _) => put(
            out,
            format_args!(
                "o.h.SQL_SLOW                             : Slow query took {} milliseconds. [select c1_0.id,c1_0.user_id,c1_0.updated from cart c1_0 where c1_0.id={id}]",
                200 + d.skewed(3000)
            ),
        ),
        (_, 0..5) => put(
            out,
            format_args!(
                "c.e.shop.inventory.Reservations          : reserved {} of item {} in warehouse {} for order ORD-{:07}",
                d.skewed(5) + 1,
                d.skewed(200_000),
                d.one(&["ICN-1", "ICN-2", "PUS-1", "DJN-1"]),
                d.skewed(2_000_000)
            ),
        ),
        _ => put(
            out,
            format_args!(
                "c.e.shop.inventory.StockLevels           : item {} below threshold: {} left, {} on order",
                d.skewed(200_000),
                d.skewed(20),
                d.skewed(200)
            ),
        ),
    }
}

fn trace(d: &mut Dice, out: &mut String) {
    let (class, message, at, cause) = d.early(&FAILURES);
    put(
        out,
        format_args!(
            "o.a.c.c.C.[.[.[/].[dispatcherServlet]    : Servlet.service() for servlet [dispatcherServlet] threw exception\n\n{class}: "
        ),
    );
    let mut pieces = message.split('#');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        put(out, format_args!("{}{piece}", d.skewed(100_000)));
    }
    let (first, own) = (d.below(4) as usize, d.below(2) as usize + 1);
    let frames = OWN[first..first + own].iter().chain(&FRAMEWORK).copied();
    for frame in std::iter::once(at).chain(frames) {
        put(out, format_args!("\n\tat {frame} ~[app.jar!/:na]"));
    }
    if !cause.is_empty() {
        put(out, format_args!("\nCaused by: {cause}"));
        for frame in &FRAMEWORK[..4] {
            put(out, format_args!("\n\tat {frame} ~[app.jar!/:na]"));
        }
        put(out, format_args!("\n\t... {} common frames omitted", FRAMEWORK.len() - 4));
    }
}
