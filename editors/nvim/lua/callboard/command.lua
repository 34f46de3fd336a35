--- `:Callboard`: one table of subcommands, what each takes, and how it completes.
local client_of = require('callboard.client')
local session_of = require('callboard.session')
local store = require('callboard.store')

local M = {}

---@class callboard.Sub
---@field desc string
---@field run fun(words: string[], args: vim.api.keyset.create_user_command.command_args)
---@field complete? fun(words: string[], lead: string): string[] the words before the one that is completed

--- Returns the ids or names of things that are known here; asks nobody.
---@param kind string
---@param fits? fun(thing: table): boolean?
---@return string[]
local function known(kind, fits)
  local session = session_of.get()
  if not session then
    return {}
  end
  return vim.tbl_map(function(thing)
    return thing.id or thing.name or thing.info.name
  end, store.sorted(session.store[kind], fits))
end

--- Returns agents as they are written in messages.
---@param fits? fun(agent: callboard.AgentView): boolean
---@return string[]
local function signed(fits)
  return vim.tbl_map(function(name)
    return '@' .. name
  end, known('agents', fits))
end

local function agents()
  return signed()
end

local function channels()
  return vim.tbl_map(function(name)
    return '#' .. name
  end, known('channels'))
end

local function live()
  return known('runs', function(run)
    return not store.ended(run)
  end)
end

local function pauses()
  return known('pauses', function(pause)
    return not pause.answered
  end)
end

--- Returns the steps of a run.
---@param run? string
---@return string[]
local function steps(run)
  local session = session_of.get()
  local view = session and run and session.store.runs[run]
  return vim.tbl_map(function(step)
    return step.id
  end, view and view.steps or {})
end

local function files(lead)
  return vim.fn.getcompletion(lead, 'file')
end

--- The workflows that were listed last, by root; completion must not wait.
---@type table<string, table[]>
local workflows = {}

local function library()
  local client = client_of.of()
  if not client or not client.initialized then
    return {}
  end
  local root = client.root_dir or ''
  local answer = client:request_sync('callboard/workflows', vim.empty_dict(), 1000, 0)
  if answer and answer.result then
    workflows[root] = answer.result
  end
  return workflows[root] or {}
end

local scopes = { 'once', 'run', 'always' }
local decisions = { 'approve', 'edit', 'request-changes', 'reject', 'skip', 'retry', 'stop' }
local layouts = { 'split', 'vsplit', 'float', 'tab' } --[[@as string[] ]]

--- Takes the first word that fits out of a list of words.
---@param words string[]
---@param pattern string
---@return string?
local function take(words, pattern)
  for i, word in ipairs(words) do
    if word:match(pattern) then
      return table.remove(words, i)
    end
  end
end

---@type table<string, callboard.Sub>
M.subs = {
  channel = {
    desc = 'show a channel: [#name] [split|vsplit|float|tab]',
    run = function(words)
      local layout
      for _, word in ipairs(words) do
        layout = vim.list_contains(layouts, word) and word or layout
      end
      require('callboard.channel').open({ channel = take(words, '^#'), layout = layout })
    end,
    complete = function()
      return vim.list_extend(channels(), vim.deepcopy(layouts))
    end,
  },
  post = {
    desc = 'post a message, or write one: [#channel] [text]',
    run = function(words, args)
      local channel = words[1] and words[1]:match('^#') and table.remove(words, 1)
      if #words > 0 then
        require('callboard.compose').send(
          table.concat(words, ' '),
          { channel = channel and channel:sub(2) }
        )
      elseif args.range > 0 then
        require('callboard.compose').about(
          vim.api.nvim_get_current_buf(),
          { args.line1, args.line2 }
        )
      else
        require('callboard.compose').open({ channel = channel })
      end
    end,
    complete = function()
      return vim.list_extend(agents(), channels())
    end,
  },
  review = {
    desc = 'review this file, the selection, or a path: [path] [@agent]',
    run = function(words, args)
      local agent = take(words, '^@')
      require('callboard.runs').review({
        agent = agent and agent:sub(2),
        path = words[1],
        lines = args.range > 0 and { args.line1, args.line2 } or nil,
      })
    end,
    complete = function(_, lead)
      return vim.list_extend(agents(), files(lead))
    end,
  },
  run = {
    desc = 'run a workflow: [name] [input=value …] [@agent=role …]',
    run = function(words, args)
      local opts =
        { inputs = {}, roles = {}, range = args.range > 0 and { args.line1, args.line2 } or nil }
      for _, word in ipairs(words) do
        local agent, role = word:match('^@([^=]+)=(.+)$')
        local input, value = word:match('^([%w_-]+)=(.*)$')
        if agent then
          opts.roles[role] = agent
        elseif input then
          opts.inputs[input] = value
        elseif opts.workflow then
          opts.inputs.path = opts.inputs.path or word
        else
          opts.workflow = word
        end
      end
      require('callboard.runs').start(opts)
    end,
    complete = function(words, lead)
      local all = library()
      if #words == 0 then
        return vim.tbl_map(function(view)
          return view.name
        end, all)
      end
      local view = vim.iter(all):find(function(one)
        return one.name == words[1]
      end)
      if not view then
        return {}
      end
      if lead:match('^@') then
        local pairs_of = {}
        for _, agent in ipairs(agents()) do
          for _, role in ipairs(view.roles) do
            table.insert(pairs_of, agent .. '=' .. role.id)
          end
        end
        return pairs_of
      end
      local name = lead:match('^([%w_-]+)=')
      if name then
        return vim.tbl_map(function(file)
          return name .. '=' .. file
        end, files(lead:sub(#name + 2)))
      end
      return vim.tbl_map(function(input)
        return input.name .. '='
      end, view.inputs)
    end,
  },
  runs = {
    desc = 'list the runs',
    run = function()
      require('callboard.list').open('runs')
    end,
  },
  show = {
    desc = 'show a run: [r1]',
    run = function(words)
      require('callboard.runs').choose(words[1], nil, function(run)
        require('callboard.detail').run(run)
      end)
    end,
    complete = function()
      return known('runs')
    end,
  },
  inbox = {
    desc = 'what waits for me; [p1] opens one',
    run = function(words)
      if words[1] then
        require('callboard.inbox').open(words[1])
      else
        require('callboard.inbox').list()
      end
    end,
    complete = pauses,
  },
  decide = {
    desc = 'answer a pause point: approve|edit|request-changes|reject|skip|retry|stop [p1] [scope] [@agent] [text]',
    run = function(words)
      local decision = table.remove(words, 1)
      if not decision then
        return require('callboard.inbox').choose()
      end
      if not vim.list_contains(decisions, decision) then
        client_of.say(
          ('a decision is %s, not %q'):format(table.concat(decisions, ', '), decision),
          vim.log.levels.ERROR
        )
        return
      end
      local pause = words[1] and words[1]:match('^p%d+$') and table.remove(words, 1)
      local agent = decision == 'retry'
        and words[1]
        and words[1]:match('^@')
        and table.remove(words, 1)
      local scope = decision == 'approve'
        and vim.list_contains(scopes, words[1])
        and table.remove(words, 1)
      require('callboard.inbox').decide(decision, {
        pause = pause or nil,
        scope = scope or nil,
        agent = agent and agent:sub(2) or nil,
        text = #words > 0 and table.concat(words, ' ') or nil,
      })
    end,
    complete = function(words)
      if #words == 0 then
        return decisions
      end
      local more = words[1] == 'approve' and scopes or words[1] == 'retry' and agents() or {}
      return vim.list_extend(pauses(), more)
    end,
  },
  pause = {
    desc = 'pause now: [r1]; with ! turns that go on are interrupted',
    run = function(words, args)
      require('callboard.runs').pause(words[1], args.bang)
    end,
    complete = live,
  },
  resume = {
    desc = 'let the work go on: [r1]',
    run = function(words)
      require('callboard.runs').resume(words[1])
    end,
    complete = live,
  },
  cancel = {
    desc = 'end a run: [r1]',
    run = function(words)
      require('callboard.runs').cancel(words[1])
    end,
    complete = live,
  },
  undo = {
    desc = 'undo a run, or a step of it: [r1] [step]; with ! over what others changed since',
    run = function(words, args)
      require('callboard.runs').undo(words[1], { step = words[2], force = args.bang })
    end,
    complete = function(words)
      return #words == 0 and known('runs') or steps(words[1])
    end,
  },
  diff = {
    desc = 'what a run changed, or what a pause point is about: [r1|p1] [step] [@agent]',
    run = function(words)
      local by = take(words, '^@')
      local pause = take(words, '^p%d+$')
        or (#words == 0 and require('callboard.inbox').page_of() or nil)
      if pause then
        return require('callboard.diff').open({ pause = pause })
      end
      require('callboard.runs').choose(words[1], function(run)
        return (run.changedFiles or 0) > 0
      end, function(run)
        require('callboard.diff').open({ run = run, step = words[2], by = by and by:sub(2) })
      end)
    end,
    complete = function(words)
      if #words == 0 then
        return vim.list_extend(known('runs'), pauses())
      end
      return vim.list_extend(steps(words[1]), agents())
    end,
  },
  findings = {
    desc = 'findings in the quickfix list: [all] [r1]',
    run = function(words)
      local all = take(words, '^all$') ~= nil
      require('callboard.findings').open({ all = all, run = words[1] })
    end,
    complete = function()
      return vim.list_extend({ 'all' }, known('runs'))
    end,
  },
  agents = {
    desc = 'list the agents',
    run = function()
      require('callboard.list').open('agents')
    end,
  },
  terminal = {
    desc = 'an agent’s terminal: @agent [split|vsplit|float|tab]',
    run = function(words)
      if not words[1] then
        return require('callboard.list').open('agents')
      end
      require('callboard.terminal').open(words[1], { layout = words[2] })
    end,
    complete = function(words)
      if #words > 0 then
        return layouts
      end
      return agents()
    end,
  },
  ['take-over'] = {
    desc = 'speak with an agent in its own screen: [@agent] [split|vsplit|float|tab]; with ! when its turn is over',
    run = function(words, args)
      local agent = take(words, '^@')
      require('callboard.take').over(agent, { after = args.bang, layout = words[1] })
    end,
    complete = function(words)
      if #words > 0 then
        return layouts
      end
      return signed(function(agent)
        return require('callboard.take').can(agent)
      end)
    end,
  },
  ['hand-back'] = {
    desc = 'let an agent that was taken over go on: [@agent]',
    run = function(words)
      require('callboard.take').back(words[1])
    end,
    complete = function()
      return signed(function(agent)
        return require('callboard.take').has(agent)
      end)
    end,
  },
  trust = {
    desc = 'trust this workspace',
    run = function()
      require('callboard.trust').ask()
    end,
  },
  restart = {
    desc = 'end the server and start it again; runs go on',
    run = function()
      client_of.restart()
    end,
  },
  stop = {
    desc = 'end the server; runs go on',
    run = function()
      client_of.stop()
    end,
  },
  log = {
    desc = 'what the client and the server logged',
    run = function()
      vim.cmd.tabedit(vim.fn.fnameescape(vim.lsp.log.get_filename()))
      vim.cmd('normal! G')
    end,
  },
  health = {
    desc = 'what is there and what is missing',
    run = function()
      vim.cmd.checkhealth('callboard')
    end,
  },
}

---@return string[]
local function names()
  local all = vim.tbl_keys(M.subs)
  table.sort(all)
  return all
end

--- Runs a subcommand; with none the channel is shown.
---@param args vim.api.keyset.create_user_command.command_args
function M.run(args)
  local words = vim.deepcopy(args.fargs)
  local name = table.remove(words, 1) or 'channel'
  local sub = M.subs[name]
  if not sub then
    client_of.say(
      ('there is no subcommand %q; there are %s'):format(name, table.concat(names(), ', ')),
      vim.log.levels.ERROR
    )
    return
  end
  sub.run(words, args)
end

--- Completes the command line.
---@param lead string
---@param line string
---@param cursor integer
---@return string[]
function M.complete(lead, line, cursor)
  local before = line:sub(1, cursor - #lead):gsub('^.-Callboard!?%s*', '', 1)
  local words = vim.split(vim.trim(before), '%s+', { trimempty = true })
  local name = table.remove(words, 1)
  local candidates
  if not name then
    candidates = names()
  else
    local sub = M.subs[name]
    candidates = sub and sub.complete and sub.complete(words, lead) or {}
  end
  return vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, candidates)
end

return M
