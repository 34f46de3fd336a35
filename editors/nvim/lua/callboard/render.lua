--- Turns what is known into lines and highlights. Pure: no buffer, no window, no clock but the time that it is given.
local M = {}

--- How many lines of one message are shown before the rest is only counted.
local MOST_LINES = 300

---@class callboard.Mark a highlight of a block, from its own first line
---@field row integer
---@field from integer
---@field to integer
---@field group string

---@class callboard.Block
---@field id string
---@field lines string[]
---@field marks callboard.Mark[]
---@field ends { row: integer, text: string, group: string }[] words behind the end of a line
---@field thing table? what <CR> is about: { kind, id }
---@field depth integer 0 for a message, 1 for an answer to one
---@field by? string who wrote it

local step_signs = {
  waiting = '○',
  queued = '◔',
  running = '●',
  backoff = '◔',
  paused = '◆',
  done = '✓',
  skipped = '–',
  failed = '✗',
}

local run_signs = {
  running = '▶',
  waiting = '◆',
  held = '◆',
  approved = '✓',
  done = '✓',
  failed = '✗',
  rejected = '✗',
  stopped = '■',
}

local run_groups = {
  approved = 'CallboardOk',
  done = 'CallboardOk',
  failed = 'CallboardFailed',
  rejected = 'CallboardFailed',
  stopped = 'CallboardFaint',
  waiting = 'CallboardWaiting',
  held = 'CallboardWaiting',
  running = 'CallboardRunning',
}

M.agent_signs = {
  starting = '◔',
  idle = '○',
  working = '●',
  waitingForPermission = '◆',
  waitingForAnswer = '◆',
  rateLimited = '◔',
  outOfBudget = '■',
  takenOver = '◇',
  crashed = '✗',
  stopped = '■',
}

local state_words = {
  waitingForPermission = 'waiting for permission',
  waitingForAnswer = 'waiting for an answer',
  rateLimited = 'rate-limited',
  outOfBudget = 'out of budget',
  takenOver = 'taken over',
}

--- Returns an agent's state in words.
---@param state callboard.AgentState
---@return string
function M.state(state)
  local words = state_words[state.is] or state.is
  if state.is == 'rateLimited' and type(state['until']) == 'number' then
    words = words .. os.date(' until %H:%M', math.floor(state['until'] / 1000))
  elseif state.is == 'takenOver' then
    words = words .. ' by ' .. state.by
  end
  return words
end

--- Returns a text as lines that are safe in a buffer: no carriage returns, no other control characters.
---@param text string
---@return string[]
function M.lines(text)
  local clean = text:gsub('\r\n?', '\n'):gsub('[%z\1-\8\11\12\14-\31\127]', '�')
  local lines = vim.split(clean, '\n', { plain = true })
  while #lines > 1 and lines[#lines] == '' do
    table.remove(lines)
  end
  return lines
end

--- Returns a text as one line.
---@param text string
---@return string
function M.line(text)
  return (table.concat(M.lines(text), ' '))
end

--- Returns who wrote a message, as it is shown.
---@param author callboard.Author
---@return string name
---@return string group
function M.author(author)
  if author.is == 'agent' then
    return '@' .. author.name, 'CallboardAgent'
  elseif author.is == 'person' then
    return tostring(author.name), 'CallboardPerson'
  end
  return author.is, 'CallboardSystem'
end

--- Returns a time for people: the hour today, the day besides where it was another.
---@param at integer ms since the epoch
---@param now integer ms since the epoch
---@return string
function M.time(at, now)
  local same = os.date('%Y-%m-%d', at / 1000) == os.date('%Y-%m-%d', now / 1000)
  return os.date(same and '%H:%M' or '%d %b %H:%M', math.floor(at / 1000)) --[[@as string]]
end

--- Returns how long something took, for people.
---@param ms integer
---@return string
function M.span(ms)
  if ms < 1000 then
    return ms .. ' ms'
  elseif ms < 60000 then
    return ('%.1f s'):format(ms / 1000)
  elseif ms < 3600000 then
    return ('%d min %d s'):format(ms / 60000, ms % 60000 / 1000)
  end
  return ('%d h %d min'):format(ms / 3600000, ms % 3600000 / 60000)
end

--- Returns how far a message's deliveries are, in words; nil where it went to nobody.
---@param deliveries callboard.DeliveryView[]?
---@return string? text
---@return string? group
function M.deliveries(deliveries)
  if not deliveries or #deliveries == 0 then
    return nil
  end
  local parts, group = {}, 'CallboardFaint'
  for _, delivery in ipairs(deliveries) do
    local is = delivery.state.is
    local sign = ({
      answered = '✓',
      failed = '✗',
      held = '◆',
      started = '●',
      withdrawn = '–',
    })[is] or '·'
    local word = ({ stored = 'waits', delivered = 'delivered', started = 'works' })[is] or is
    table.insert(parts, ('%s @%s %s'):format(sign, delivery.agent, word))
    if is == 'failed' then
      group = 'CallboardFailed'
      parts[#parts] = parts[#parts] .. ': ' .. M.line(delivery.state.why or '')
    elseif is == 'held' then
      group = 'CallboardWaiting'
    end
  end
  return table.concat(parts, '  '), group
end

--- Adds a line with highlights to a block: parts are { text, group? }.
---@param block callboard.Block
---@param parts { [1]: string, [2]: string? }[]
local function add(block, parts)
  local text, row = '', #block.lines
  for _, part in ipairs(parts) do
    local from = #text
    text = text .. part[1]
    if part[2] and part[1] ~= '' then
      table.insert(block.marks, { row = row, from = from, to = #text, group = part[2] })
    end
  end
  table.insert(block.lines, text)
end

--- Returns a number of tokens, for people.
---@param tokens integer
---@return string
function M.tokens(tokens)
  if tokens < 1000 then
    return tokens .. ' tokens'
  elseif tokens < 1000000 then
    return ('%.1fk tokens'):format(tokens / 1000)
  end
  return ('%.1fM tokens'):format(tokens / 1000000)
end

--- Returns a run in one line's parts.
---@param run callboard.RunView
---@return { [1]: string, [2]: string? }[]
function M.run(run)
  local parts = {
    { run_signs[run.status] or '·', run_groups[run.status] },
    { ' ' .. run.id .. ' ', 'CallboardId' },
    { M.line(run.title) .. '  ' },
    { run.status, run_groups[run.status] },
  }
  local facts = {}
  local round = 0
  for _, step in ipairs(run.steps or {}) do
    round = math.max(round, step.round or 0)
  end
  if round > 1 then
    table.insert(facts, 'round ' .. round)
  end
  if (run.turns or 0) > 0 then
    table.insert(facts, run.turns == 1 and '1 turn' or run.turns .. ' turns')
  end
  if run.ended then
    table.insert(facts, M.span(run.ended - run.started))
  end
  local usage = run.usage or {}
  local tokens = usage.tokens or 0
  if tokens > 0 then
    table.insert(facts, M.tokens(tokens))
  end
  if (usage.microDollars or 0) > 0 then
    table.insert(facts, ('$%.2f'):format(usage.microDollars / 1e6))
  end
  if (run.changedFiles or 0) > 0 then
    table.insert(
      facts,
      run.changedFiles == 1 and '1 file changed' or run.changedFiles .. ' files changed'
    )
  end
  if #facts > 0 then
    table.insert(parts, { '  ' .. table.concat(facts, ' · '), 'CallboardFaint' })
  end
  if run.why and run.why ~= '' then
    table.insert(parts, { '  ' .. M.line(run.why), 'CallboardFaint' })
  end
  return parts
end

--- Returns the steps of a run in one line's parts.
---@param run callboard.RunView
---@return { [1]: string, [2]: string? }[]
function M.steps(run)
  local parts = {}
  for _, step in ipairs(run.steps or {}) do
    local group = step.status == 'failed' and 'CallboardFailed'
      or step.status == 'paused' and 'CallboardWaiting'
      or step.status == 'running' and 'CallboardRunning'
      or 'CallboardFaint'
    local who = step.agent and step.status == 'running' and (' @' .. step.agent) or ''
    table.insert(parts, {
      (#parts > 0 and '  ' or '') .. (step_signs[step.status] or '·') .. ' ' .. step.id .. who,
      group,
    })
  end
  return parts
end

local answered = {
  approve = 'approved',
  edit = 'edited and approved',
  ['request-changes'] = 'changes requested',
  reject = 'rejected',
  skip = 'skipped',
  retry = 'tried again',
  stop = 'stopped',
}

--- Returns what was decided, in words.
---@param decision callboard.Decision
---@return string
function M.decision(decision)
  return answered[decision.decision] or decision.decision
end

--- Returns a pause in one line's parts.
---@param pause callboard.PauseView
---@return { [1]: string, [2]: string? }[]
function M.pause(pause)
  if pause.answered then
    return {
      { '✓ ' .. pause.id .. ' ', 'CallboardOk' },
      {
        ('%s by %s'):format(M.decision(pause.answered.decision), pause.answered.by),
        'CallboardFaint',
      },
    }
  end
  local parts = { { '◆ ' .. pause.id .. ' ', 'CallboardWaiting' } }
  for i, decision in ipairs(pause.decisions) do
    table.insert(parts, { (i > 1 and ' · ' or '') .. decision, 'CallboardDecision' })
  end
  table.insert(parts, { '   <CR> opens it', 'CallboardFaint' })
  return parts
end

---@param block callboard.Block
---@param indent string
---@param parts { [1]: string, [2]: string? }[]
local function card(block, indent, parts)
  table.insert(parts, 1, { indent })
  add(block, parts)
end

--- Makes a message's block.
---@param message callboard.MessageView
---@param context { now: integer, run: callboard.RunView?, pause: callboard.PauseView? } whose thread it begins, what it asks
---@return callboard.Block
function M.message(message, context)
  local depth = message.thread and 1 or 0
  local indent = depth == 1 and '  │ ' or ''
  local name, group = M.author(message.author)
  local block = { id = message.id, lines = {}, marks = {}, ends = {}, depth = depth, by = name }
  local about = message.about or {}
  local header = {
    { indent, 'CallboardFaint' },
    { name, group },
    { '  ' .. M.time(message.at, context.now), 'CallboardFaint' },
  }
  if about.step then
    table.insert(header, { '  ' .. about.step, 'CallboardFaint' })
  end
  add(block, header)
  local marks, marks_group = M.deliveries(message.deliveries)
  if marks then
    table.insert(block.ends, { row = 0, text = marks, group = marks_group })
  end
  local lines = M.lines(message.text)
  for i = 1, math.min(#lines, MOST_LINES) do
    add(block, { { indent, 'CallboardFaint' }, { '  ' .. lines[i] } })
  end
  if #lines > MOST_LINES then
    add(block, {
      { indent, 'CallboardFaint' },
      { ('  … %d more lines (<CR> shows all)'):format(#lines - MOST_LINES), 'CallboardFaint' },
    })
  end
  if context.run then
    card(block, indent .. '  ', M.run(context.run))
    local steps = M.steps(context.run)
    if #steps > 0 then
      card(block, indent .. '    ', steps)
    end
    block.thing = { kind = 'run', id = context.run.id }
  end
  if context.pause then
    card(block, indent .. '  ', M.pause(context.pause))
    block.thing = { kind = 'pause', id = context.pause.id }
  end
  return block
end

--- Returns the ids of a channel's messages as they are shown: each thread under its first message.
---@param ids string[] as they came
---@param messages table<string, callboard.MessageView>
---@return string[]
function M.threaded(ids, messages)
  local replies, roots = {}, {}
  for _, id in ipairs(ids) do
    local thread = messages[id].thread
    -- The first message of a thread may lie before what was loaded; then its answers stand for themselves.
    if thread and messages[thread] then
      replies[thread] = replies[thread] or {}
      table.insert(replies[thread], id)
    else
      table.insert(roots, id)
    end
  end
  local shown = {}
  for _, root in ipairs(roots) do
    table.insert(shown, root)
    vim.list_extend(shown, replies[root] or {})
  end
  return shown
end

--- Makes all blocks of a channel. `cache` keeps what did not change between calls.
---@param store callboard.Store
---@param channel string
---@param now integer
---@param cache table<string, { key: string, block: callboard.Block }>
---@return callboard.Block[]
function M.channel(store, channel, now, cache)
  local messages = store.messages[channel] or {}
  local runs, pauses = {}, store.pauses
  for _, run in pairs(store.runs) do
    if run.thread then
      runs[run.thread] = run
    end
  end
  -- The message that a message's thread began with, as far as it is shown.
  local function root_of(message)
    return message.thread and messages[message.thread] and message.thread or message.id
  end
  local blocks = {}
  local shown = M.threaded(store.order[channel] or {}, messages)
  local day = os.date('%j', math.floor(now / 1000))
  for i, id in ipairs(shown) do
    local message, following = messages[id], messages[shown[i + 1]]
    local run = runs[id]
    local pause = message.about and message.about.pause and pauses[message.about.pause]
    local last = not following or root_of(following) ~= root_of(message)
    local key = table.concat(
      { message.rev, run and run.rev or 0, pause and pause.rev or 0, tostring(last), day },
      ':'
    )
    local kept = cache[id]
    if not kept or kept.key ~= key then
      local block = M.message(message, { now = now, run = run, pause = pause })
      if last then
        table.insert(block.lines, '')
      end
      kept = { key = key, block = block }
      cache[id] = kept
    end
    table.insert(blocks, kept.block)
  end
  return blocks
end

--- Returns the runs as a list's lines: what `:Callboard runs` shows.
---@param runs callboard.RunView[]
---@return callboard.Block[]
function M.runs(runs)
  return vim.tbl_map(function(run)
    local block = {
      id = run.id,
      lines = {},
      marks = {},
      ends = {},
      depth = 0,
      thing = { kind = 'run', id = run.id },
    }
    add(block, M.run(run))
    local steps = M.steps(run)
    if #steps > 0 then
      card(block, '    ', steps)
    end
    return block
  end, runs)
end

local state_groups = {
  starting = 'CallboardRunning',
  working = 'CallboardRunning',
  waitingForPermission = 'CallboardWaiting',
  waitingForAnswer = 'CallboardWaiting',
  rateLimited = 'CallboardWaiting',
  outOfBudget = 'CallboardFailed',
  crashed = 'CallboardFailed',
  takenOver = 'CallboardPerson',
}

local access = { read = 'reads', write = 'reads and writes' }

--- Returns since when something is so, for people, rounded as far as it can be said at once.
---@param at integer
---@param now integer
---@return string
function M.since(at, now)
  local seconds = math.max(0, math.floor((now - at) / 1000))
  if seconds < 60 then
    return ''
  elseif seconds < 3600 then
    return (' for %d min'):format(seconds / 60)
  elseif seconds < 86400 then
    return (' for %d h'):format(seconds / 3600)
  end
  return (' for %d d'):format(seconds / 86400)
end

--- Returns the agents as a list's lines.
---@param agents callboard.AgentView[]
---@param now integer
---@return callboard.Block[]
function M.agents(agents, now)
  return vim.tbl_map(function(agent)
    local info, claim = agent.info, agent.claim
    local block = {
      id = info.name,
      lines = {},
      marks = {},
      ends = {},
      depth = 0,
      thing = { kind = 'agent', id = info.name },
    }
    local is = claim.state.is
    local group = state_groups[is] or 'CallboardFaint'
    local missing = type(info.missing) == 'string' and info.missing or nil
    local since = agent.since > 0 and M.since(agent.since, now) or ''
    add(block, {
      { (missing and '–' or M.agent_signs[is] or '·') .. ' ', group },
      { ('@%-12s'):format(info.name), 'CallboardAgent' },
      { (' %-24s'):format(missing and 'not installed' or M.state(claim.state) .. since), group },
      { (' %s, %s'):format(info.driver, access[info.access] or info.access), 'CallboardFaint' },
    })
    local why = missing or claim.why
    if why ~= '' then
      add(block, { { '    ' .. M.line(why), 'CallboardFaint' } })
    end
    for _, file in ipairs(agent.files or {}) do
      local with = #(file.with or {}) > 0 and ', as does @' .. table.concat(file.with, ', @') or ''
      local group_of = with ~= '' and 'CallboardWaiting' or 'CallboardFaint'
      add(block, { { ('    changes %s%s'):format(M.line(file.path), with), group_of } })
    end
    return block
  end, agents)
end

return M
