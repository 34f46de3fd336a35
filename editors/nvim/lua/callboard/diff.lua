--- What a run changed: a list of files, and each in Neovim's own diff mode, with `do` and `dp`.
local client_of = require('callboard.client')
local patch = require('callboard.patch')
local render = require('callboard.render')
local session_of = require('callboard.session')

local M = {}

--- Fills the current window with one side that is only read.
---@param name string
---@param lines string[]
---@param filetype string
local function side(name, lines, filetype)
  local bufnr = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, lines)
  vim.bo[bufnr].buftype = 'nofile'
  vim.bo[bufnr].bufhidden = 'wipe'
  vim.bo[bufnr].modifiable = false
  vim.bo[bufnr].filetype = filetype
  pcall(vim.api.nvim_buf_set_name, bufnr, name)
  vim.cmd('diffthis')
end

--- Opens one file: on the left what it was, on the right the file itself, which can be edited. Where the file is gone, or is
--- another one by now, the right side is what the run left.
---@param client vim.lsp.Client
---@param opts { run: string, step: string?, by: string? }
---@param path string
function M.file(client, opts, path)
  local params = { run = opts.run, step = opts.step, by = opts.by, whole = true }
  client_of.request(client, 'callboard/diff', params, function(answer)
    local file = vim.iter(answer.files):find(function(one)
      return one.path == path
    end)
    if not file or file.binary or file.text == '' then
      client_of.say(path .. ' has no text to compare', vim.log.levels.WARN)
      return
    end
    local before, after = patch.sides(file.text)
    local full = vim.fs.joinpath(client.root_dir, path)
    vim.cmd('tabnew')
    local filetype = vim.filetype.match({ filename = full }) or ''
    if vim.uv.fs_stat(full) then
      vim.cmd.edit(vim.fn.fnameescape(full))
      vim.cmd('diffthis')
    else
      side(('callboard://after-%s/%s'):format(opts.run, path), after, filetype)
    end
    vim.cmd('leftabove vnew')
    side(('callboard://before-%s/%s'):format(opts.run, path), before, filetype)
    vim.cmd('wincmd l')
  end)
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
    client_of.request(
      client,
      'callboard/diff',
      { run = run, step = opts.step, by = opts.by },
      function(answer)
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
          vim.list_extend(
            lines,
            file.text ~= '' and render.lines(file.text) or { '# (no text to show)' }
          )
          for line = at, #lines do
            files[line] = file
          end
        end
        local bufnr = require('callboard.scratch').show({
          name = client_of.buffer_name(session.root, 'diff/' .. run),
          lines = lines,
          filetype = 'diff',
          layout = 'tab',
        })
        vim.b[bufnr].callboard_client = client.id
        vim.b[bufnr].callboard_root = session.root
        vim.keymap.set('n', '<CR>', function()
          local file = files[vim.api.nvim_win_get_cursor(0)[1]]
          if file then
            M.file(client, vim.tbl_extend('force', opts, { run = run }), file.path)
          end
        end, { buffer = bufnr, desc = 'Callboard: this file in diff mode' })
      end
    )
  end)
end

return M
