--- Workflows and runs: choosing one, telling it what it wants to know, and steering what goes on.
local client_of = require('callboard.client')
local render = require('callboard.render')
local session_of = require('callboard.session')
local store = require('callboard.store')

local M = {}

--- Returns the path of a buffer from the workspace's root; nil where it has no file there.
---@param root string
---@param bufnr? integer
---@return string?
function M.path(root, bufnr)
  local name = vim.api.nvim_buf_get_name(bufnr or 0)
  if name == '' or vim.bo[bufnr or 0].buftype ~= '' then
    return nil
  end
  return vim.fs.relpath(root, name)
end

--- Turns a text into the value of an input.
---@param kind string
---@param text string
---@return any value nil where it is none of that kind
function M.value(kind, text)
  if kind == 'number' then
    local number = tonumber(text)
    return number and math.floor(number) == number and number or nil
  elseif kind == 'flag' then
    return ({ ['true'] = true, yes = true, ['false'] = false, no = false })[text:lower()]
  end
  return text
end

--- Asks for the inputs that must be told and are not, one after the other.
---@param inputs table[]
---@param told table
---@param path? string the current file, which a path input begins with
---@param done fun(told: table)
local function ask(inputs, told, path, done)
  for _, input in ipairs(inputs) do
    if told[input.name] == nil and (input.default == nil or input.default == vim.NIL) then
      vim.ui.input({
        prompt = ('%s%s: '):format(
          input.name,
          input.description ~= '' and ' (' .. render.line(input.description) .. ')' or ''
        ),
        default = input.kind == 'path' and (path or '.') or nil,
        completion = input.kind == 'path' and 'file' or nil,
      }, function(text)
        if text == nil then
          return
        end
        told[input.name] = M.value(input.kind, text)
        if told[input.name] == nil then
          client_of.say(
            ('%s must be a %s, not %q'):format(input.name, input.kind, text),
            vim.log.levels.ERROR
          )
          return
        end
        ask(inputs, told, path, done)
      end)
      return
    end
  end
  done(told)
end

--- Takes inputs that were given as text to what the workflow wants them to be.
---@param view table
---@param given table
---@return table? inputs
local function typed(view, given)
  local inputs = {}
  for name, value in pairs(given) do
    local known = vim.iter(view.inputs):find(function(input)
      return input.name == name
    end)
    if not known then
      local names = vim.tbl_map(function(input)
        return input.name
      end, view.inputs)
      client_of.say(
        ('%s has no input %q; it has %s'):format(
          view.name,
          name,
          #names > 0 and table.concat(names, ', ') or 'none'
        ),
        vim.log.levels.ERROR
      )
      return nil
    end
    inputs[name] = type(value) == 'string' and M.value(known.kind, value) or value
    if inputs[name] == nil then
      client_of.say(
        ('%s must be a %s, not %q'):format(name, known.kind, value),
        vim.log.levels.ERROR
      )
      return nil
    end
  end
  return inputs
end

--- Starts a workflow; with no name the person chooses. The current file goes to its path input where it has one.
---@param opts { [1]: string?, workflow: string?, inputs: table?, roles: table?, channel: string?, range: integer[]? }
---@param done? fun(run: string?)
function M.start(opts, done)
  local wanted = opts[1] or opts.workflow
  session_of.with(function(session, client)
    local path = M.path(session.root)
    client_of.request(client, 'callboard/workflows', {}, function(all)
      local function go(view)
        local inputs = typed(view, opts.inputs or {})
        if not inputs then
          return
        end
        local paths = vim.tbl_filter(function(input)
          return input.kind == 'path'
        end, view.inputs)
        if #paths == 1 and inputs[paths[1].name] == nil and path then
          inputs[paths[1].name] = path
        end
        -- A selection is words for the input that says what to look at above all.
        local focus = opts.range
          and vim.iter(view.inputs):find(function(input)
            return input.name == 'focus'
          end)
        if focus and inputs.focus == nil and opts.range then
          inputs.focus = ('lines %d to %d above all'):format(opts.range[1], opts.range[2])
        end
        ask(view.inputs, inputs, path, function(told)
          local argument = {
            workflow = view.name,
            inputs = next(told) and told or nil,
            roles = opts.roles and next(opts.roles) and opts.roles or nil,
            channel = opts.channel,
          }
          client_of.command(client, 'callboard.run', argument, function(answer)
            client_of.say(('%s %s has started'):format(answer.run, render.line(view.title)))
            if done then
              done(answer.run)
            end
          end)
        end)
      end
      if wanted then
        for _, view in ipairs(all) do
          if view.name == wanted then
            return go(view)
          end
        end
        -- The server says it best, with what there is.
        return client_of.command(client, 'callboard.run', { workflow = wanted })
      end
      local runnable = vim.tbl_filter(function(view)
        return not view.broken
      end, all)
      vim.ui.select(runnable, {
        prompt = 'Run a workflow',
        kind = 'callboard.workflow',
        format_item = function(view)
          return ('%-7s %-22s %s'):format(view.category, view.name, render.line(view.title))
        end,
      }, function(view)
        if view then
          go(view)
        end
      end)
    end)
  end)
end

--- Reviews a file, or some lines of it above all.
---@param opts { path: string?, agent: string?, lines: integer[]? }
function M.review(opts)
  session_of.with(function(session, client)
    local path = opts.path or M.path(session.root)
    if not path then
      client_of.say(
        'this buffer is no file of the workspace; name one: :Callboard review src/lib.rs',
        vim.log.levels.WARN
      )
      return
    end
    client_of.command(client, 'callboard.review', {
      path = path,
      agent = opts.agent,
      startLine = opts.lines and opts.lines[1],
      endLine = opts.lines and opts.lines[2],
    }, function(answer)
      client_of.say(('%s reviews %s'):format(answer.run, path))
    end)
  end)
end

--- Calls with a run: the one that is named, the only one that fits, or the one that the person chooses.
---@param id? string
---@param fits? fun(run: table): boolean
---@param call fun(run: string, session: callboard.Session, client: vim.lsp.Client)
function M.choose(id, fits, call)
  session_of.with(function(session, client)
    if id then
      return call(id, session, client)
    end
    local runs = store.sorted(session.store.runs, fits)
    if #runs == 0 then
      client_of.say('there is no such run here')
    elseif #runs == 1 then
      call(runs[1].id, session, client)
    else
      vim.ui.select(runs, {
        prompt = 'Which run?',
        kind = 'callboard.run',
        format_item = function(run)
          return ('%s %s (%s)'):format(run.id, render.line(run.title), run.status)
        end,
      }, function(run)
        if run then
          call(run.id, session, client)
        end
      end)
    end
  end)
end

local function live(run)
  return not store.ended(run)
end

--- Ends a run.
---@param id? string
function M.cancel(id)
  M.choose(id, live, function(run, _, client)
    client_of.command(client, 'callboard.cancel', { run = run }, function()
      client_of.say(run .. ' was ended')
    end)
  end)
end

--- Puts back what a run changed, after the person said so.
---@param id? string
---@param opts { step: string?, force: boolean? }
function M.undo(id, opts)
  M.choose(id, function(run)
    return (run.changedFiles or 0) > 0
  end, function(run, session, client)
    local known = session.store.runs[run]
    local what = opts.step and ('step %s of %s'):format(opts.step, run) or run
    local count = known and known.changedFiles or 0
    local question = ('Undo %s%s?'):format(what, count > 0 and (' (%d files)'):format(count) or '')
    if vim.fn.confirm(question, '&Undo\n&Keep', 2) ~= 1 then
      return
    end
    local argument = { run = run, step = opts.step, force = opts.force or nil }
    client_of.command(client, 'callboard.undo', argument, function(answer)
      vim.cmd('silent! checktime')
      local text = ('%s: %d files are as they were'):format(run, #answer.files)
      for _, clash in ipairs(answer.clashes) do
        text = text .. ('\n  left: %s, %s'):format(clash.path, clash.why)
      end
      client_of.say(text, #answer.clashes > 0 and vim.log.levels.WARN or vim.log.levels.INFO)
    end)
  end)
end

--- Pauses now: one run, or all work.
---@param id? string
---@param interrupt boolean whether turns that go on are stopped too
function M.pause(id, interrupt)
  session_of.with(function(_, client)
    client_of.command(client, 'callboard.pause', { run = id, interrupt = interrupt }, function()
      client_of.say((id or 'all work') .. ' is paused; :Callboard resume lets it go on')
    end)
  end)
end

--- Lets one run, or all work, go on.
---@param id? string
function M.resume(id)
  session_of.with(function(_, client)
    client_of.command(client, 'callboard.resume', { run = id }, function()
      client_of.say((id or 'all work') .. ' goes on')
    end)
  end)
end

return M
