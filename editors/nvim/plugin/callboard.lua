-- What there is before first use: one command, the <Plug> maps, and nothing loaded behind them.
if vim.g.loaded_callboard then
  return
end
vim.g.loaded_callboard = true

vim.api.nvim_create_user_command('Callboard', function(args)
  require('callboard.command').run(args)
end, {
  nargs = '*',
  range = true,
  bang = true,
  desc = 'Callboard: channels, runs, pause points and agents',
  complete = function(lead, line, cursor)
    return require('callboard.command').complete(lead, line, cursor)
  end,
})

--- Makes a <Plug> map that runs a subcommand.
---@param name string
---@param line string
---@param desc string
---@param modes? string[]
local function plug(name, line, desc, modes)
  for _, mode in ipairs(modes or { 'n' }) do
    -- In visual mode the map types ":", so that the command gets the selection as its range.
    local rhs = mode == 'x' and (':Callboard ' .. line .. '<CR>')
      or ('<Cmd>Callboard ' .. line .. '<CR>')
    vim.keymap.set(
      mode,
      '<Plug>(callboard-' .. name .. ')',
      rhs,
      { silent = true, desc = 'Callboard: ' .. desc }
    )
  end
end

plug('channel', 'channel', 'show the channel')
plug('post', 'post', 'write a message', { 'n', 'x' })
plug('review', 'review', 'review this file, or the selection', { 'n', 'x' })
plug('run', 'run', 'run a workflow', { 'n', 'x' })
plug('inbox', 'inbox', 'what waits for me')
plug('approve', 'decide approve', 'approve the pause point in this buffer')
plug('runs', 'runs', 'list the runs')
plug('agents', 'agents', 'list the agents')
plug('findings', 'findings', 'findings in the quickfix list')
plug('pause', 'pause', 'pause the work now')
plug('resume', 'resume', 'let the work go on')
plug('cancel', 'cancel', 'end a run')
plug('take-over', 'take-over', 'speak with an agent in its own screen')
plug('hand-back', 'hand-back', 'let an agent that was taken over go on')
plug('undo', 'undo', 'undo a run')
