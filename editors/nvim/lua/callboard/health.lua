--- `:checkhealth callboard`: what is there, what is not, and what to do about it.
local M = {}

local health = vim.health

--- Runs a program of ours and returns its output; nil where it failed. Bounded, since a health check must end.
---@param cmd string[]
---@return string?
local function output(cmd)
  local ok, process = pcall(vim.system, cmd, { text = true })
  if not ok then
    return nil
  end
  local done = process:wait(10000)
  return done.code == 0 and done.stdout or nil
end

function M.check()
  local client_of = require('callboard.client')
  local config = require('callboard.config')
  health.start('Neovim')
  if vim.fn.has('nvim-0.11') == 1 then
    health.ok(('Neovim %s'):format(vim.fn.execute('version'):match('NVIM (%S+)') or ''))
  else
    health.error('Neovim 0.11 or later is needed', 'Upgrade Neovim')
    return
  end
  if pcall(vim.treesitter.language.inspect, 'markdown') then
    health.ok('the Markdown parser is there: code in messages is coloured')
  else
    health.info('no Markdown parser: messages are plain')
  end

  health.start('Server')
  local program = client_of.program()
  if not program then
    health.error(client_of.missing())
    return
  end
  local version = output({ program, '--version' })
  if not version then
    health.error(program .. ' does not run', 'Run `' .. program .. ' doctor` in a shell')
    return
  end
  health.ok(('%s (%s)'):format(vim.trim(version), program))
  if vim.lsp.is_enabled and vim.lsp.is_enabled('callboard') then
    health.ok('it is enabled for all buffers')
  else
    health.info(
      "it starts with the first :Callboard; vim.lsp.enable('callboard') shows findings from the beginning"
    )
  end
  local clients = vim.lsp.get_clients({ name = client_of.name })
  for _, client in ipairs(clients) do
    local session = require('callboard.session').get(client.id)
    health.ok(
      ('attached to %s%s'):format(
        client.root_dir,
        session and (', revision ' .. session.store.rev) or ''
      )
    )
  end
  if #clients == 0 then
    health.info('no server runs in this Neovim')
  end

  health.start('Agents')
  local listed = output({ program, 'agents', '--json' })
  if not listed then
    health.warn('the agents can’t be listed here', '`' .. program .. ' doctor` says why')
  end
  for line in vim.gsplit(listed or '', '\n', { trimempty = true }) do
    local ok, agent = pcall(vim.json.decode, line)
    local info = ok and type(agent) == 'table' and (agent.info or agent)
    if info and info.name then
      if info.missing and info.missing ~= vim.NIL then
        health.info(('@%s: %s'):format(info.name, info.missing))
      else
        health.ok(('@%s (%s)'):format(info.name, info.driver or ''))
      end
    end
  end

  health.start('Settings')
  local problem = config.problem(config.current)
  if problem then
    health.error(problem, 'See :help callboard-settings')
  else
    health.ok(vim.inspect(config.current, { newline = ' ', indent = '' }))
  end
end

return M
