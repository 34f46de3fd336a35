--- What lies behind a message or a run: who was sent what, how far it is, each step with its time.
local client_of = require('callboard.client')
local render = require('callboard.render')
local scratch = require('callboard.scratch')
local session_of = require('callboard.session')

local M = {}

--- Shows a message whole, with its deliveries and what was sent for it.
---@param message callboard.MessageView
function M.message(message)
  client_of.with(function(client)
    local name = render.author(message.author)
    local lines = {
      ('# %s by %s, %s'):format(message.id, name, os.date('%c', math.floor(message.at / 1000))),
      '',
    }
    vim.list_extend(lines, render.lines(message.text))
    if message.deliveries and #message.deliveries > 0 then
      vim.list_extend(lines, { '', '## Deliveries', '' })
      for _, delivery in ipairs(message.deliveries) do
        local words = render.deliveries({ delivery })
        table.insert(lines, '- ' .. (words or ''))
      end
    end
    local function show()
      scratch.show({
        name = client_of.buffer_name(client.root_dir or '', 'message/' .. message.id),
        lines = lines,
        filetype = 'markdown',
      })
    end
    client_of.request(client, 'callboard/sent', { message = message.id }, function(turns)
      for _, turn in ipairs(turns) do
        vim.list_extend(
          lines,
          { '', ('## What @%s was sent (%s)'):format(turn.agent, turn.id), '' }
        )
        vim.list_extend(lines, render.lines(turn.prompt or ''))
      end
      show()
    end, show)
  end)
end

--- Returns a run as Markdown lines. Pure.
---@param run callboard.RunView
---@return string[]
function M.run_lines(run)
  local lines = { ('# %s %s'):format(run.id, render.line(run.title)), '' }
  local function fact(label, text)
    table.insert(lines, ('- **%s**: %s'):format(label, text))
  end
  fact('Workflow', run.workflow)
  fact('Status', run.status .. (run.why and run.why ~= '' and (': ' .. render.line(run.why)) or ''))
  fact('Started', ('%s by %s'):format(os.date('%c', math.floor(run.started / 1000)), run.by))
  if run.ended then
    fact('Took', render.span(run.ended - run.started))
  end
  for role, agent in vim.spairs(run.roles or {}) do
    fact(
      'Role ' .. role,
      type(agent) == 'table' and '@' .. table.concat(agent, ', @') or '@' .. agent
    )
  end
  for input, value in vim.spairs(run.inputs or {}) do
    if value ~= '' then
      fact(
        'Input ' .. input,
        type(value) == 'string' and render.line(value) or vim.json.encode(value)
      )
    end
  end
  if (run.changedFiles or 0) > 0 then
    fact('Files changed', tostring(run.changedFiles))
  end
  vim.list_extend(lines, { '', '## Steps', '' })
  for _, step in ipairs(run.steps or {}) do
    local parts = { ('%s- %s **%s**'):format(('  '):rep(step.depth or 0), step.status, step.id) }
    if step.agent then
      table.insert(parts, '@' .. step.agent)
    end
    if (step.round or 0) > 1 then
      table.insert(parts, 'round ' .. step.round)
    end
    if (step.attempt or 0) > 1 then
      table.insert(parts, 'try ' .. step.attempt)
    end
    if step.started and step.ended then
      table.insert(parts, render.span(step.ended - step.started))
    end
    if step.result and step.result.summary and step.result.summary ~= '' then
      table.insert(parts, '— ' .. render.line(step.result.summary))
    end
    if step.failure then
      table.insert(parts, '— ' .. render.line(step.failure.message or ''))
    end
    table.insert(lines, table.concat(parts, ' '))
  end
  return lines
end

--- Shows a run.
---@param id string
function M.run(id)
  session_of.with(function(session, client)
    client_of.request(client, 'callboard/runs', { run = id }, function(runs)
      local bufnr = scratch.show({
        name = client_of.buffer_name(session.root, 'run/' .. id),
        lines = M.run_lines(runs[1]),
        filetype = 'markdown',
      })
      vim.b[bufnr].callboard_client = client.id
      vim.b[bufnr].callboard_root = session.root
      vim.keymap.set('n', 'gd', function()
        require('callboard.diff').open({ run = id })
      end, { buffer = bufnr, desc = 'Callboard: diff of the run' })
    end)
  end)
end

return M
