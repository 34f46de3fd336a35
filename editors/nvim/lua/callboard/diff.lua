--- What a run changed: a list of files, and each in Neovim's own diff mode. On the right stands the file itself, so that `do`
--- takes a change back and what is typed there is the person's own.
local client_of = require('callboard.client')
local patch = require('callboard.patch')
local render = require('callboard.render')
local session_of = require('callboard.session')

local M = {}

---@class callboard.Changes what is compared
---@field run string
---@field step? string only what this step changed
---@field by? string only what this agent changed
---@field pause? string the pause point at which it is looked at
---@field folder string where the files are: the workspace, or the worktree that a step works in

--- Returns the step whose result a pause shows, as the run's plan says; where it shows none, the step that it is about. Pure.
---@param steps table[]
---@param id string
---@return string?
function M.shown(steps, id)
  for _, step in ipairs(steps) do
    local action = step.action or {}
    if step.id == id then
      return action.does == 'pause' and action.show or id
    end
    local within = type(action.steps) == 'table' and M.shown(action.steps, id)
    if within then
      return within
    end
  end
end

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
  local there = vim.fn.bufnr('^' .. vim.fn.escape(name, '[]*?\\^$.~') .. '$')
  if there == -1 or there == bufnr then
    vim.api.nvim_buf_set_name(bufnr, name)
  end
  vim.keymap.set('n', 'q', function()
    if #vim.api.nvim_list_tabpages() > 1 then
      vim.cmd.tabclose()
    end
  end, { buffer = bufnr, nowait = true, desc = 'Callboard: close the comparison' })
  vim.cmd('diffthis')
end

--- Says above a window what stands in it.
---@param text string
---@param hint? string
local function bar(text, hint)
  local plain = (' ' .. text):gsub('%%', '%%%%')
  local faint = hint and '  %#CallboardFaint#' .. hint .. '%*' or ''
  -- Where there is no room for all, the end is what goes.
  vim.wo[0][0].winbar = plain .. faint .. '%<'
end

--- Opens one file in a tab page: on the left what it was, on the right the file itself. Where it is gone, or was changed again
--- since by somebody else, the right side is what it was left as.
---@param client vim.lsp.Client
---@param what callboard.Changes
---@param path string
---@param nth? integer which of the changes of this file, from 1; the last one where it is left out
function M.file(client, what, path, nth)
  local params = { run = what.run, step = what.step, by = what.by, whole = true }
  client_of.request(client, 'callboard/diff', params, function(answer)
    local all = vim.tbl_filter(function(one)
      return one.path == path
    end, answer.files)
    local file = all[nth or #all]
    if not file or file.binary or file.text == '' then
      client_of.say(path .. ' has no text to compare', vim.log.levels.WARN)
      return
    end
    local before, after = patch.sides(file.text)
    local full = vim.fs.joinpath(what.folder, path)
    local latest = (nth or #all) == #all and file.kind ~= 'deleted' and vim.uv.fs_stat(full) ~= nil
    local filetype = vim.filetype.match({ filename = full }) or ''
    local who = '@' .. table.concat(file.by or {}, ', @')
    require('callboard.view').highlights()
    vim.cmd('tabnew')
    if latest then
      vim.cmd.edit(vim.fn.fnameescape(full))
      vim.cmd('diffthis')
      bar(path, what.pause and 'do takes a change back, :w keeps it so' or 'do takes a change back')
    else
      vim.bo.bufhidden = 'wipe'
      side(('callboard://after/%s/%s'):format(what.run, path), after, filetype)
      bar(file.kind == 'deleted' and path .. ' (deleted)' or ('%s as %s left it'):format(path, who))
    end
    vim.cmd('leftabove vnew')
    side(('callboard://before/%s/%s'):format(what.run, path), before, filetype)
    bar(('%s before %s'):format(path, who), 'q closes')
    vim.cmd('wincmd l')
  end)
end

--- Shows the files with their changes. <CR> on one opens it in diff mode.
---@param session callboard.Session
---@param client vim.lsp.Client
---@param what callboard.Changes
---@param answer callboard.DiffResult
local function list(session, client, what, answer)
  local lines, files, nth, count = {}, {}, {}, {}
  for _, note in ipairs(answer.notes or {}) do
    table.insert(lines, '# ' .. render.line(note))
  end
  for _, file in ipairs(answer.files) do
    local at = #lines + 1
    count[file.path] = (count[file.path] or 0) + 1
    local from = file.from and file.from ~= vim.NIL and ' (was ' .. file.from .. ')' or ''
    table.insert(
      lines,
      ('# %s %s%s  by @%s'):format(file.kind, file.path, from, table.concat(file.by or {}, ', @'))
    )
    vim.list_extend(lines, file.text ~= '' and render.lines(file.text) or { '# (no text to show)' })
    for line = at, #lines do
      files[line], nth[line] = file, count[file.path]
    end
  end
  local bufnr = require('callboard.scratch').show({
    name = client_of.buffer_name(session.root, 'diff/' .. (what.pause or what.run)),
    lines = lines,
    filetype = 'diff',
    layout = 'tab',
  })
  vim.b[bufnr].callboard_client = client.id
  vim.b[bufnr].callboard_root = session.root
  bar(what.pause or what.run, '<CR> compares a file, ]f and [f go to the next, q closes')
  vim.keymap.set('n', '<CR>', function()
    local line = vim.api.nvim_win_get_cursor(0)[1]
    if files[line] then
      M.file(client, what, files[line].path, nth[line])
    end
  end, { buffer = bufnr, desc = 'Callboard: this file in diff mode' })
  for lhs, flags in pairs({ [']f'] = 'W', ['[f'] = 'bW' }) do
    vim.keymap.set('n', lhs, function()
      vim.fn.search('^# \\(added\\|deleted\\|modified\\|renamed\\) ', flags)
    end, { buffer = bufnr, desc = 'Callboard: the next file, or the one before' })
  end
end

--- Asks for what was changed and shows it: one file at once in diff mode at a pause, else the list.
---@param session callboard.Session
---@param client vim.lsp.Client
---@param what callboard.Changes
local function show(session, client, what)
  local params = { run = what.run, step = what.step, by = what.by }
  client_of.request(client, 'callboard/diff', params, function(answer)
    if #answer.files == 0 and what.step and what.pause then
      -- What waits may change nothing itself; then what its run did is what there is to look at.
      what.step = nil
      return show(session, client, what)
    elseif #answer.files == 0 then
      client_of.say(
        answer.notes and answer.notes[1] and render.line(answer.notes[1])
          or ('%s changed no files'):format(what.step or what.by or what.run)
      )
    elseif #answer.files == 1 and what.pause then
      M.file(client, what, answer.files[1].path)
    else
      list(session, client, what, answer)
    end
  end)
end

--- Shows what is looked at from a pause: what the step that it shows changed, where that step works.
---@param session callboard.Session
---@param client vim.lsp.Client
---@param id string
function M.pause(session, client, id)
  local pause = session.store.pauses[id]
  if not pause or not pause.run then
    client_of.say(
      pause and (id .. ' is about no run, so there is nothing to compare')
        or ('there is no pause point %s here'):format(id),
      vim.log.levels.WARN
    )
    return
  end
  local what = { run = pause.run, step = pause.step, pause = id, folder = session.root }
  client_of.request(client, 'callboard/plan', { run = pause.run }, function(plan)
    what.step = pause.step and M.shown(plan.steps, pause.step) or pause.step
    client_of.request(client, 'callboard/worktrees', {}, function(answer)
      for _, tree in ipairs(answer.worktrees) do
        if tree.run == pause.run and tree.step == pause.step and tree.folder ~= '' then
          what.folder = tree.folder
        end
      end
      show(session, client, what)
    end)
  end)
end

--- Shows what a run, or a step or an agent of it, changed; or what a pause is about.
---@param opts { run?: string, step?: string, by?: string, pause?: string }
function M.open(opts)
  session_of.with(function(session, client)
    if opts.pause then
      M.pause(session, client, opts.pause)
    elseif opts.run then
      show(
        session,
        client,
        { run = opts.run, step = opts.step, by = opts.by, folder = session.root }
      )
    else
      client_of.say('which run? :Callboard diff r1', vim.log.levels.WARN)
    end
  end)
end

return M
