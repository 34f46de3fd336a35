//! The dialect of Codex: `POST /v1/responses`.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::{
    conversation::{Conversation, Dialect, Said, Tool, of_person, texts},
    http::{self, Events},
    script::Input,
    serve::{Reply, second},
};

pub fn read(body: &Value) -> Conversation {
    let mut said = Vec::new();
    if let Some(text) = body["input"].as_str() {
        said.push(Said::Person(text.to_owned()));
    }
    for item in body["input"].as_array().into_iter().flatten() {
        let kind = item["type"].as_str().unwrap_or("message");
        if kind.ends_with("_output") {
            let output = &item["output"];
            let text = output.as_str().map_or_else(|| texts(output).join("\n"), str::to_owned);
            said.push(Said::Tool(text));
            continue;
        }
        let spoken = texts(&item["content"]).into_iter();
        match (kind, item["role"].as_str()) {
            ("message", Some("user")) => said.extend(spoken.filter_map(of_person)),
            ("message", Some("assistant")) => said.extend(spoken.map(Said::Model)),
            _ => {}
        }
    }
    Conversation {
        dialect: Dialect::Openai,
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == true,
        said,
        folder: None,
        tools: body["tools"].as_array().into_iter().flatten().flat_map(tools).collect(),
    }
}

fn tools(tool: &Value) -> Vec<Tool> {
    let name = |it: &Value| it["name"].as_str().or(it["type"].as_str()).unwrap_or_default().to_owned();
    if tool["type"] != "namespace" {
        return vec![Tool { namespace: None, name: name(tool) }];
    }
    let inner = tool["tools"].as_array().into_iter().flatten();
    inner.map(|it| Tool { namespace: Some(name(tool)), name: name(it) }).collect()
}

pub fn error(status: u16) -> Value {
    let code = if status == 429 { "rate_limit_exceeded" } else { "server_error" };
    json!({ "error": { "message": format!("the mock refuses with {status}"), "type": code, "code": code } })
}

/// The headers and the body with which a limit is told.
pub fn limit(seconds: u64) -> (String, Value) {
    let reset = second(seconds);
    let headers = format!(
        "x-codex-primary-used-percent: 100.0\r\nx-codex-primary-window-minutes: 300\r\n\
         x-codex-primary-reset-at: {reset}\r\nx-codex-primary-reset-after-seconds: {seconds}\r\n"
    );
    let error = json!({
        "type": "usage_limit_reached", "message": "The usage limit has been reached", "plan_type": "plus",
        "resets_at": reset, "resets_in_seconds": seconds,
    });
    (headers, json!({ "error": error }))
}

pub fn write(to: &mut impl Write, conversation: &Conversation, reply: &mut Reply<'_>) -> io::Result<()> {
    let plan = reply.plan;
    let number = conversation.said.len();
    let base = |status: &str, output: &[Value]| {
        let usage = plan.usage;
        json!({
            "id": format!("resp_mock{number}"), "object": "response", "created_at": 1_800_000_000, "status": status,
            "model": conversation.model, "output": output,
            "usage": {
                "input_tokens": usage.input, "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens": usage.output, "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": usage.input + usage.output,
            },
        })
    };
    let mut items = Vec::new();
    if let Some(thought) = &plan.think {
        let summary = json!([{ "type": "summary_text", "text": thought }]);
        items.push(json!({ "type": "reasoning", "id": format!("rs_mock{number}"), "summary": summary }));
    }
    if let Some(call) = &plan.call {
        let id = format!("call_mock{number}");
        let mut item = match &call.input {
            Input::Json(input) => json!({ "type": "function_call", "arguments": input.to_string() }),
            Input::Text(text) => json!({ "type": "custom_tool_call", "input": text }),
        };
        item["id"] = format!("fc_mock{number}").into();
        item["call_id"] = id.into();
        item["name"] = call.name.clone().into();
        item["status"] = "completed".into();
        if let Some(namespace) = &call.namespace {
            item["namespace"] = namespace.clone().into();
        }
        items.push(item);
    }
    let message = |text: &str| {
        let content = json!([{ "type": "output_text", "text": text, "annotations": [] }]);
        json!({ "type": "message", "id": format!("msg_mock{number}"), "role": "assistant", "status": "completed",
                "content": content })
    };
    if !conversation.stream {
        if plan.call.is_none() {
            items.push(message(&reply.whole()?));
        }
        return http::json(to, 200, &base("completed", &items));
    }
    let mut events = Events::begin(to)?;
    let mut sequence = 0;
    let mut send = |mut event: Value| {
        event["sequence_number"] = sequence.into();
        sequence += 1;
        events.send(&event)
    };
    send(json!({ "type": "response.created", "response": base("in_progress", &[]) }))?;
    for (index, item) in items.iter().enumerate() {
        send(json!({ "type": "response.output_item.added", "output_index": index, "item": item }))?;
        send(json!({ "type": "response.output_item.done", "output_index": index, "item": item }))?;
    }
    if plan.call.is_none() {
        let (index, id) = (items.len(), format!("msg_mock{number}"));
        let mut empty = message("");
        empty["content"] = json!([]);
        send(json!({ "type": "response.output_item.added", "output_index": index, "item": empty }))?;
        let mut text = String::new();
        reply.pieces(|piece| {
            text.push_str(piece);
            send(json!({ "type": "response.output_text.delta", "item_id": id, "output_index": index,
                         "content_index": 0, "delta": piece }))
        })?;
        let item = message(&text);
        send(json!({ "type": "response.output_item.done", "output_index": index, "item": item }))?;
        items.push(item);
    }
    send(json!({ "type": "response.completed", "response": base("completed", &items) }))?;
    events.end()
}
