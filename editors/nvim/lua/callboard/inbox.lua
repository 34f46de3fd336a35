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

--- Answers a pause: that of the current page, the one that is named, or the only one that waits.
---@param decision string
---@param opts { pause: string?, text: string?, agent: string?, scope: string? }
function M.decide(decision, opts)
  local here = M.page_of()
  session_of.with(function(session, client)
    local id = opts.pause or here
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
    local pause = session.store.pauses[id]
    if decision == 'edit' then
      return M.open(id)
    end
    local function send(text)
      local argument =
        { pause = id, decision = decision, text = text, agent = opts.agent, scope = opts.scope }
      -- In its page the server knows what the person sees. Elsewhere the answer is bound to what was told of it.
      if id ~= here then
        argument.hash = pause and pause.hash
      end
      client_of.command(client, 'callboard.decide', argument, function()
        client_of.say(('%s: %s'):format(id, decision))
      end)
    end
    if asks[decision] and not opts.text then
      -- In a page words below its last line are the text; the server reads them.
      if id == here and decision == 'request-changes' then
        return send(nil)
      end
      vim.ui.input({ prompt = asks[decision] }, function(text)
        if text then
          send(text)
        end
      end)
    else
      send(opts.text)
    end
  end)
end

--- Lets the person choose among the decisions of a pause.
---@param id? string
function M.choose(id)
  id = id or M.page_of()
  session_of.with(function(session)
    local pause = id and session.store.pauses[id]
    if not pause or pause.answered then
      client_of.say(
        id and (id .. ' was answered already') or 'this buffer is no page of a pause point'
      )
      return
    end
    vim.ui.select(
      pause.decisions,
      { prompt = render.line(pause.title), kind = 'callboard.decision' },
      function(decision)
        if decision then
          M.decide(decision, { pause = id })
        end
      end
    )
  end)
end

return M
