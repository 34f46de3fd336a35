//! The dialect of Claude: `POST /v1/messages`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{
    conversation::{Conversation, Dialect, Said, Tool, of_person, texts},
    http::{self, Events},
    script::{Input, Usage},
    serve::{Reply, second},
};

pub fn read(body: &Value) -> Conversation {
    let mut said = Vec::new();
    for message in body["messages"].as_array().into_iter().flatten() {
        let content = &message["content"];
        for part in content.as_array().into_iter().flatten().filter(|it| it["type"] == "tool_result") {
            said.push(Said::Tool(texts(&part["content"]).join("\n")));
        }
        let spoken = texts(content).into_iter();
        match message["role"].as_str() {
            Some("user") => said.extend(spoken.filter_map(of_person)),
            Some("assistant") => said.extend(spoken.map(Said::Model)),
            _ => {}
        }
    }
    let tools = body["tools"].as_array().into_iter().flatten().filter_map(|it| it["name"].as_str());
    Conversation {
        dialect: Dialect::Anthropic,
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        said,
        folder: folder(body),
        tools: tools.map(|it| Tool { namespace: None, name: it.to_owned() }).collect(),
    }
}

pub fn error(status: u16) -> Value {
    let kind = match status {
        400 => "invalid_request_error",
        401 => "authentication_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": format!("the mock refuses with {status}") } })
}

/// The headers and the body with which a subscription's limit is told.
pub fn limit(seconds: u64) -> (String, Value) {
    let headers = format!(
        "retry-after: {seconds}\r\nanthropic-ratelimit-unified-status: rejected\r\n\
         anthropic-ratelimit-unified-representative-claim: five_hour\r\nanthropic-ratelimit-unified-reset: {}\r\n",
        second(seconds)
    );
    (headers, error(429))
}

/// Returns the folder in which the program says that it works.
fn folder(body: &Value) -> Option<String> {
    let system = texts(&body["system"]).join("\n");
    let mut all = std::iter::once(system)
        .chain(body["messages"].as_array().into_iter().flatten().flat_map(|it| texts(&it["content"])));
    all.find_map(|it| {
        let (_, rest) = it.split_once("orking directory: ")?;
        Some(rest.lines().next()?.trim().to_owned())
    })
}

pub fn write(to: &mut impl Write, conversation: &Conversation, reply: &mut Reply<'_>) -> io::Result<()> {
    let plan = reply.plan;
    let mut blocks = Vec::new();
    if let Some(thought) = &plan.think {
        blocks.push(json!({ "type": "thinking", "thinking": thought, "signature": "bW9jaw==" }));
    }
    let mut reason = "end_turn";
    if let Some(call) = &plan.call {
        reason = "tool_use";
        let input = match &call.input {
            Input::Json(value) => value.clone(),
            Input::Text(text) => json!({ "input": text }),
        };
        let id = format!("toolu_mock{:05}", conversation.said.len());
        blocks.push(json!({ "type": "tool_use", "id": id, "name": call.name, "input": input }));
    }
    let message = |content: Vec<Value>, reason: Value| {
        json!({
            "id": format!("msg_mock{:05}", conversation.said.len()), "type": "message", "role": "assistant",
            "model": conversation.model, "content": content, "stop_reason": reason, "stop_sequence": null,
            "usage": used(plan.usage),
        })
    };
    if !conversation.stream {
        if plan.call.is_none() {
            blocks.push(json!({ "type": "text", "text": reply.whole()? }));
        }
        return http::json(to, 200, &message(blocks, reason.into()));
    }
    let mut events = Events::begin(to)?;
    events.send(&json!({ "type": "message_start", "message": message(Vec::new(), Value::Null) }))?;
    let mut index = 0;
    for block in &blocks {
        let (empty, deltas) = streamed(block);
        events.send(&json!({ "type": "content_block_start", "index": index, "content_block": empty }))?;
        for delta in deltas {
            events.send(&json!({ "type": "content_block_delta", "index": index, "delta": delta }))?;
        }
        events.send(&json!({ "type": "content_block_stop", "index": index }))?;
        index += 1;
    }
    if plan.call.is_none() {
        let empty = json!({ "type": "text", "text": "" });
        events.send(&json!({ "type": "content_block_start", "index": index, "content_block": empty }))?;
        reply.pieces(|piece| {
            let delta = json!({ "type": "text_delta", "text": piece });
            events.send(&json!({ "type": "content_block_delta", "index": index, "delta": delta }))
        })?;
        events.send(&json!({ "type": "content_block_stop", "index": index }))?;
    }
    let delta = json!({ "stop_reason": reason, "stop_sequence": null });
    events.send(&json!({ "type": "message_delta", "delta": delta, "usage": used(plan.usage) }))?;
    events.send(&json!({ "type": "message_stop" }))?;
    events.end()
}

/// Returns a block as its stream begins, and what fills it.
fn streamed(block: &Value) -> (Value, Vec<Value>) {
    if block["type"] == "thinking" {
        let deltas = vec![
            json!({ "type": "thinking_delta", "thinking": block["thinking"] }),
            json!({ "type": "signature_delta", "signature": block["signature"] }),
        ];
        return (json!({ "type": "thinking", "thinking": "", "signature": "" }), deltas);
    }
    let empty = json!({ "type": "tool_use", "id": block["id"], "name": block["name"], "input": {} });
    (empty, vec![json!({ "type": "input_json_delta", "partial_json": block["input"].to_string() })])
}

fn used(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input, "output_tokens": usage.output,
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
    })
}
