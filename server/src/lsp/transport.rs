//! What repairs tower-lsp 0.20 from outside: panics, `exit`, frames that would end it silently, late answers.
//!
//! Knows no method of Callboard. The writing half of the repair is `outbox.rs`.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::sync::{oneshot, watch};
use tower::Service;
use tower_lsp::{
    Client,
    jsonrpc::{Error, ErrorCode, Id, Request, Response, Result},
    lsp_types::{self, CancelParams, NumberOrString, notification::Cancel},
};

/// A layer around `LspService`: a panic in a handler becomes an error answer, and `exit` is seen.
pub struct Guard<S> {
    inner: S,
    exit: watch::Sender<bool>,
}

impl<S> Guard<S> {
    /// Wraps a service. The receiver turns true when the client said `exit`.
    pub fn new(inner: S) -> (Self, watch::Receiver<bool>) {
        let (exit, exited) = watch::channel(false);
        (Self { inner, exit }, exited)
    }
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = std::result::Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<std::result::Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let request = without_null_params(as_named_in_the_specification(request));
        let method = request.method().to_owned();
        let id = request.id().cloned();
        if method == "exit" {
            self.exit.send_replace(true);
        }
        let handler = match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(handler) => handler,
            Err(panic) => {
                let answer = panicked(&method, id, panic.as_ref());
                return Box::pin(async move { Ok(answer) });
            }
        };
        let mut handler = Box::pin(handler);
        Box::pin(poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Ok(panicked(&method, id.clone(), panic.as_ref()))),
        }))
    }
}

/// `shutdown` and `exit` take no params, and some clients send null for none, which tower-lsp refuses while it shuts down.
fn without_null_params(request: Request) -> Request {
    if !matches!(request.method(), "shutdown" | "exit") || request.params() != Some(&serde_json::Value::Null) {
        return request;
    }
    let (method, id, _) = request.into_parts();
    let bare = Request::build(method);
    match id {
        Some(id) => bare.id(id).finish(),
        None => bare.finish(),
    }
}

/// lsp-types 0.94 reads `workspace.diagnostic`; the specification, and every client, says `workspace.diagnostics`.
pub(super) fn as_named_in_the_specification(request: Request) -> Request {
    if request.method() != "initialize" {
        return request;
    }
    let (method, id, params) = request.into_parts();
    let params = params.map(|mut params| {
        if let Some(workspace) = params.pointer_mut("/capabilities/workspace").and_then(|it| it.as_object_mut())
            && let Some(said) = workspace.get("diagnostics").cloned()
        {
            workspace.entry("diagnostic").or_insert(said);
        }
        params
    });
    let mut made = Request::build(method);
    if let Some(params) = params {
        made = made.params(params);
    }
    if let Some(id) = id {
        made = made.id(id);
    }
    made.finish()
}

/// Returns the answer for a handler that panicked; a notification gets none.
fn panicked(method: &str, id: Option<Id>, panic: &(dyn Any + Send)) -> Option<Response> {
    let why = panic
        .downcast_ref::<&str>()
        .map(|it| (*it).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(method, why, "A handler panicked.");
    let message = format!("{method} panicked: {why}; this is a fault of Callboard, and nothing else was harmed");
    let error = Error { code: ErrorCode::InternalError, message: message.into(), data: None };
    id.map(|id| Response::from_error(id, error))
}

/// Checks that a body is a JSON-RPC message as tower-lsp's codec will take it; returns the answer to one that is not.
///
/// tower-lsp ends without a word on the first body that it can't decode, so none reaches it.
pub fn check(body: &[u8]) -> std::result::Result<(), Response> {
    // tower-lsp reads text, so invalid UTF-8 anywhere must be found here.
    let Ok(text) = std::str::from_utf8(body) else {
        return Err(malformed(ErrorCode::ParseError, "the body is not UTF-8"));
    };
    match serde_json::from_str::<Request>(text) {
        Ok(request) if !request.method().is_empty() => Ok(()),
        _ if serde_json::from_str::<Response>(text).is_ok() => Ok(()),
        Ok(_) => Err(malformed(ErrorCode::InvalidRequest, "it has neither a method nor a result")),
        Err(err) if err.is_data() => Err(malformed(ErrorCode::InvalidRequest, &err.to_string())),
        Err(err) => Err(malformed(ErrorCode::ParseError, &err.to_string())),
    }
}

fn malformed(code: ErrorCode, why: &str) -> Response {
    let message = format!("the message was not read: {why}; the connection goes on");
    Response::from_error(Id::Null, Error { code, message: message.into(), data: None })
}

/// Returns the answer to a frame after which no other can be read.
pub fn unreadable(why: &str) -> Response {
    let message = format!("{why}; the connection ends here");
    Response::from_error(Id::Null, Error { code: ErrorCode::ParseError, message: message.into(), data: None })
}

/// Asks the client something and waits for its answer.
///
/// tower-lsp panics when an answer comes after the future that waits for it was dropped, so the waiting is done in a task
/// of its own; the caller may drop this future at any time. Invariant: no handler awaits `Client::send_request` itself.
pub async fn ask<R>(client: &Client, params: R::Params) -> Result<R::Result>
where
    R: lsp_types::request::Request + 'static,
    R::Params: Send + 'static,
    R::Result: Send + 'static,
{
    ask_until::<R>(client, params, std::future::pending()).await
}

/// The same, and no longer than until the session is over: a question that nobody can answer any more waits for nothing.
pub async fn ask_until<R>(
    client: &Client,
    params: R::Params,
    over: impl Future<Output = ()> + Send + 'static,
) -> Result<R::Result>
where
    R: lsp_types::request::Request + 'static,
    R::Params: Send + 'static,
    R::Result: Send + 'static,
{
    let (sender, receiver) = oneshot::channel();
    let client = client.clone();
    tokio::spawn(async move {
        tokio::select! {
            answer = client.send_request::<R>(params) => drop(sender.send(answer)),
            () = over => {}
        }
    });
    receiver.await.unwrap_or_else(|_| Err(Error::internal_error()))
}

/// The same of a question that may be settled elsewhere meanwhile: then the client is told that nobody waits for its answer any
/// more. It owes one all the same, and that is waited for. `id` is none that tower-lsp gives, which counts.
pub async fn ask_unless<R>(
    client: &Client,
    id: String,
    params: R::Params,
    settled: impl Future<Output = ()> + Send + 'static,
    over: impl Future<Output = ()> + Send + 'static,
) -> Result<R::Result>
where
    R: lsp_types::request::Request + 'static,
    R::Result: Send + 'static,
{
    let params = serde_json::to_value(params).map_err(|_| Error::internal_error())?;
    let request = Request::build(R::METHOD).params(params).id(id.clone()).finish();
    let (sender, receiver) = oneshot::channel();
    let mut client = client.clone();
    tokio::spawn(async move {
        let mut answer = client.call(request);
        let answer = async move {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = settled => {}
            }
            client.send_notification::<Cancel>(CancelParams { id: NumberOrString::String(id) }).await;
            answer.await
        };
        tokio::select! {
            answer = answer => drop(sender.send(answer)),
            () = over => {}
        }
    });
    let Ok(Ok(Some(answer))) = receiver.await else { return Err(Error::internal_error()) };
    let result = answer.into_parts().1?;
    serde_json::from_value(result).map_err(|err| Error::invalid_params(err.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_capability_is_found_under_the_name_that_the_specification_gives_it() {
        let params = json!({ "capabilities": { "workspace": { "diagnostics": { "refreshSupport": true } } } });
        let greeting = Request::build("initialize").id(1).params(params.clone()).finish();
        let named = as_named_in_the_specification(greeting);
        assert_eq!((named.method(), named.id()), ("initialize", Some(&Id::Number(1))));
        assert_eq!(named.params().unwrap()["capabilities"]["workspace"]["diagnostic"]["refreshSupport"], true);
        let other = Request::build("other").params(params.clone()).finish();
        assert_eq!(as_named_in_the_specification(other).params(), Some(&params), "nothing else is touched");
        let odd = Request::build("initialize").id(1).params(json!([1])).finish();
        assert_eq!(as_named_in_the_specification(odd).params(), Some(&json!([1])));
    }
}
