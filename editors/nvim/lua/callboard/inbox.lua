--- What waits for a person: the list, the page of a pause point, and the answers.
local client_of = require('callboard.client')
local render = require('callboard.render')
local session_of = require('callboard.session')
local store = require('callboard.store')

local M = {}

--- Returns the pause whose page a buffer is, by its name; the file alone says nothing else.
---@param bufnr? integer
---@return string? pause
function M.page_of(bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr or 0)
  return vim.b[bufnr or 0].callboard_client and name:match('/documents/(p%d+)%.md$') or nil
end

--- Opens the page of a pause.
---@param pause string
function M.open(pause)
  client_of.with(function(client)
    client_of.command(client, 'callboard.openPause', { pause = pause })
  end)
end

--- Lists what waits, and opens what is chosen.
function M.list()
  session_of.with(function(session)
    local waiting = store.waiting(session.store)
    if #waiting == 0 then
      client_of.say('nothing waits for you')
      return
    end
    vim.ui.select(waiting, {
      prompt = 'Waiting for you',
      kind = 'callboard.inbox',
      format_item = function(pause)
        local run = pause.run and session.store.runs[pause.run]
        return ('%s  %s%s'):format(
          pause.id,
          render.line(pause.title),
          run and ('  (%s %s)'):format(run.id, run.title) or ''
        )
      end,
    }, function(pause)
      if pause then
        M.open(pause.id)
      end
    end)
  end)
end

--- What each decision asks for besides, as a question to the person.
local asks = {
  ['request-changes'] = 'What is to change? ',
  reject = 'Why? (may be empty) ',
}

local scopes = {
  once = 'approve, this once',
  run = 'approve, for exactly this until the run ends',
  always = 'approve, for exactly this until you take it back',
}

--- Returns what a pause can be answered with, as choices: a permission has its scopes, a question its answers. Pure.
---@param pause callboard.PauseView
---@return { label: string, decision: string, scope: string?, text: string? }[]
function M.answers(pause)
  local all = {}
  local choices = pause.ask and pause.ask.choices or {}
  local allowed = pause.ask and pause.ask.scopes or {}
  for _, choice in ipairs(choices) do
    table.insert(
      all,
      { label = 'answer: ' .. render.line(choice), decision = 'edit', text = choice }
    )
  end
  for _, decision in ipairs(pause.decisions) do
    if decision == 'approve' and #allowed > 0 then
      for _, scope in ipairs(allowed) do
        table.insert(all, { label = scopes[scope] or scope, decision = decision, scope = scope })
      end
    else
      table.insert(all, { label = (decision:gsub('-', ' ')), decision = decision })
    end
  end
  return all
end

--- Sends an answer.
---@param client vim.lsp.Client
---@param id string
---@param here boolean whether it is given in the pause's own page
---@param pause callboard.PauseView?
---@param answer { decision: string, text: string?, document: string?, agent: string?, scope: string? }
local function send(client, id, here, pause, answer)
  local argument = vim.tbl_extend('force', { pause = id }, answer)
  -- In its page the server knows what the person sees. Elsewhere the answer is bound to what was told of it.
  if not here then
    argument.hash = pause and pause.hash
  end
  client_of.command(client, 'callboard.decide', argument, function()
    client_of.say(('%s: %s'):format(id, answer.decision))
  end)
end

--- Answers a pause: that of the current page, the one that is named, or the only one that waits.
---@param decision string
---@param opts { pause: string?, text: string?, agent: string?, scope: string? }
function M.decide(decision, opts)
  local page = M.page_of()
  session_of.with(function(session, client)
    local id = opts.pause or page
    if not id then
      local waiting = store.waiting(session.store)
      if #waiting ~= 1 then
        client_of.say(
          #waiting == 0 and 'nothing waits for you'
            or ('%d things wait: name one, such as :Callboard decide %s %s'):format(
              #waiting,
              decision,
              waiting[1].id
            ),
          vim.log.levels.WARN
        )
        return
      end
      id = waiting[1].id
    end
    local here = id == page
    local pause = session.store.pauses[id]
    local answer = { decision = decision, text = opts.text, agent = opts.agent, scope = opts.scope }
    if decision == 'edit' then
      -- Of a question the words are the answer. Anything else is edited in its page.
      if opts.text and pause and pause.kind == 'question' then
        return send(client, id, here, pause, { decision = 'edit', document = opts.text })
      end
      return M.open(id)
    end
    -- In a page words below its last line are the text; the server reads them.
    if not asks[decision] or opts.text or (here and decision == 'request-changes') then
      return send(client, id, here, pause, answer)
    end
    vim.ui.input({ prompt = asks[decision] }, function(text)
      if text then
        answer.text = text
        send(client, id, here, pause, answer)
      end
    end)
  end)
end

--- Lets the person choose among the answers to a pause.
---@param id? string
function M.choose(id)
  id = id or M.page_of()
  session_of.with(function(session)
    local pause = id and session.store.pauses[id]
    if not pause or pause.answered then
      client_of.say(
        pause
            and pause.answered
            and ('%s was answered by %s: %s'):format(
              pause.id,
              pause.answered.by,
              render.decision(pause.answered.decision)
            )
          or 'this buffer is no page of a pause point; :Callboard inbox lists what waits'
      )
      return
    end
    vim.ui.select(M.answers(pause), {
      prompt = render.line(pause.title),
      kind = 'callboard.decision',
      format_item = function(answer)
        return answer.label
      end,
    }, function(answer)
      if answer then
        M.decide(answer.decision, { pause = id, text = answer.text, scope = answer.scope })
      end
    end)
  end)
end

return M
