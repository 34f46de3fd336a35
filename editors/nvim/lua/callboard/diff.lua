--- What a run changed: a list of files, and each in Neovim's own diff mode, with `do` and `dp`.
local client_of = require('callboard.client')
local patch = require('callboard.patch')
local render = require('callboard.render')
local session_of = require('callboard.session')

local M = {}

--- Opens one file: on the left what it was, on the right the file itself, which can be edited.
---@param root string
---@param file table a file of `callboard/diff`
---@param run string
function M.file(root, file, run)
  local path = vim.fs.joinpath(root, file.path)
  local after = {}
  local fd = io.open(path, 'rb')
  if fd then
    after = vim.split((fd:read('*a'):gsub('\n$', '')), '\n', { plain = true })
    fd:close()
  end
  local before = not file.binary and file.text ~= '' and patch.before(after, file.text)
  if not before then
    client_of.say(
      file.binary and (file.path .. ' is a binary file')
        or (file.path .. ' was changed since; the unified diff shows what the run did'),
      vim.log.levels.WARN
    )
    return
  end
  vim.cmd('tabnew')
  vim.cmd.edit(vim.fn.fnameescape(path))
  vim.cmd('diffthis')
  local filetype = vim.bo.filetype
  vim.cmd('leftabove vnew')
  local bufnr = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, before)
  vim.bo[bufnr].buftype = 'nofile'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].filetype = filetype
  pcall(vim.api.nvim_buf_set_name, bufnr, ('callboard://before-%s/%s'):format(run, file.path))
  vim.cmd('diffthis')
  vim.cmd('wincmd l')
end

--- Shows what a run, or a step of it, changed. <CR> on a file opens it in diff mode.
---@param opts { run: string?, step: string?, by: string? }
function M.open(opts)
  session_of.with(function(session, client)
    local run = opts.run
    if not run then
      client_of.say('which run? :Callboard diff r1', vim.log.levels.WARN)
      return
    end
    client_of.request(client, 'callboard/diff', { run = run, step = opts.step, by = opts.by }, function(answer)
      local lines, files = {}, {}
      for _, note in ipairs(answer.notes or {}) do
        table.insert(lines, '# ' .. render.line(note))
      end
      if #answer.files == 0 then
        client_of.say(#lines > 0 and lines[1]:sub(3) or (run .. ' changed no files'))
        return
      end
      for _, file in ipairs(answer.files) do
        local at = #lines + 1
        table.insert(
          lines,
          ('# %s %s  by @%s'):format(file.kind, file.path, table.concat(file.by or {}, ', @'))
        )
        vim.list_extend(lines, file.text ~= '' and render.lines(file.text) or { '# (no text to show)' })
        for line = at, #lines do
          files[line] = file
        end
      end
      local bufnr = require('callboard.scratch').show({
        name = ('callboard://diff/%s'):format(run),
        lines = lines,
        filetype = 'diff',
        layout = 'tab',
      })
      vim.b[bufnr].callboard_client = client.id
      vim.b[bufnr].callboard_root = session.root
      vim.keymap.set('n', '<CR>', function()
        local file = files[vim.api.nvim_win_get_cursor(0)[1]]
        if file then
          M.file(session.root, file, run)
        end
      end, { buffer = bufnr, desc = 'Callboard: this file in diff mode' })
    end)
  end)
end

return M
