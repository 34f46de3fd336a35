--- The page of a pause point: an ordinary buffer, with what can be done said above it. `:w` is the edit.
local client_of = require('callboard.client')
local config = require('callboard.config')
local inbox = require('callboard.inbox')
local session_of = require('callboard.session')

local M = {}

local namespace = vim.api.nvim_create_namespace('callboard.page')

---@type table<integer, string> pages by buffer, and whose they are
local pages = {}

---@type table<integer, boolean> whether the text that was saved in a page is another than what was shown, by buffer
local edited = {}

--- What each decision is called, and its key behind <LocalLeader>. An edit is made by `:w`.
---@type table<string, { [1]: string, [2]: string }>
local decisions = {
  approve = { 'approve', 'a' },
  ['request-changes'] = { 'request changes', 'c' },
  reject = { 'reject', 'r' },
  skip = { 'skip', 's' },
  retry = { 'retry', 't' },
  stop = { 'stop', 'x' },
}

--- Returns how <LocalLeader> is typed, for hints; nil where a person wants no maps behind it.
---@return string?
function M.leader()
  if vim.g.no_plugin_maps ~= nil or vim.g.no_callboard_maps ~= nil then
    return nil
  end
  local key = vim.g.maplocalleader
  if type(key) ~= 'string' or key == '' then
    return '\\'
  end
  return key == ' ' and 'Space ' or vim.fn.keytrans(key)
end

--- Puts parts into lines no wider than a window; each part is { words, group }[] that stays together. Pure.
---@param parts { [1]: string, [2]: string }[][]
---@param width integer
---@return { [1]: string, [2]: string }[][]
function M.lines(parts, width)
  local lines, used = { {} }, 0
  for i, part in ipairs(parts) do
    local wide = 0
    for _, chunk in ipairs(part) do
      wide = wide + vim.fn.strdisplaywidth(chunk[1])
    end
    -- The first is a sign. What goes on in another line begins below the first button.
    local gap = i == 1 and '' or i == 2 and ' ' or '  '
    if i > 2 and used + #gap + wide > width then
      table.insert(lines, {})
      gap, used = '  ', 0
    end
    table.insert(lines[#lines], { gap, 'Normal' })
    vim.list_extend(lines[#lines], part)
    used = used + #gap + wide
  end
  return lines
end

--- Returns the buttons of a pause: what can be answered, each with its key. Pure.
---@param pause callboard.PauseView
---@param key? string what stands before a key; nil where there are no keys
---@param state? { modified: boolean?, edited: boolean? } whether the page is not saved, and whether what was saved is another text
---@return { [1]: string, [2]: string }[][]
function M.buttons(pause, key, state)
  if pause.answered then
    local said = require('callboard.render').decision(pause.answered.decision)
    return {
      {
        { '✓ ' .. pause.id .. ' ', 'CallboardOk' },
        { ('%s by %s'):format(said, pause.answered.by), 'CallboardFaint' },
      },
    }
  end
  local parts = { { { '◆', 'CallboardWaiting' } } }
  for _, decision in ipairs(pause.decisions) do
    local known = decisions[decision]
    if known and decision == 'approve' and state and state.modified then
      table.insert(
        parts,
        { { 'not saved', 'CallboardWaiting' }, { ' :w, then approve', 'CallboardFaint' } }
      )
    elseif known then
      local other = decision == 'approve' and state and state.edited
      table.insert(parts, {
        { known[1] .. (other and ' as edited' or ''), 'CallboardDecision' },
        { key and ' ' .. key .. known[2] or '', 'CallboardFaint' },
      })
    end
  end
  if key and pause.run then
    table.insert(
      parts,
      { { 'compare', 'CallboardDecision' }, { ' ' .. key .. 'd', 'CallboardFaint' } }
    )
  end
  if vim.list_contains(pause.decisions, 'edit') then
    table.insert(parts, { { 'edit', 'CallboardDecision' }, { ' :w', 'CallboardFaint' } })
  end
  table.insert(parts, { { 'all', 'CallboardDecision' }, { ' g<CR>', 'CallboardFaint' } })
  return parts
end

--- Shows the buttons above the first line, or who answered.
---@param bufnr integer
local function draw(bufnr)
  -- An answer may come when the page is closed.
  if not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  local session = session_of.get(vim.b[bufnr].callboard_client)
  local pause = session and session.store.pauses[pages[bufnr]]
  if not pause then
    return
  end
  local wins = vim.fn.win_findbuf(bufnr)
  local width = 200
  for _, win in ipairs(wins) do
    local info = vim.fn.getwininfo(win)[1]
    width = math.min(width, info.width - info.textoff)
  end
  local state = { modified = vim.bo[bufnr].modified, edited = edited[bufnr] }
  local lines = M.lines(M.buttons(pause, M.leader(), state), width)
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  vim.api.nvim_buf_set_extmark(
    bufnr,
    namespace,
    0,
    0,
    { virt_lines = lines, virt_lines_above = true }
  )
  -- Virtual lines above the first line show only where the window begins above it.
  for _, win in ipairs(wins) do
    vim.api.nvim_win_call(win, function()
      if vim.fn.line('w0') == 1 then
        vim.fn.winrestview({ topline = 1, topfill = #lines })
      end
    end)
  end
end

--- Asks the server what the decisions are called now: after an edit that was saved it is another text that is approved.
---@param bufnr integer
local function ask(bufnr)
  local client = client_of.of(bufnr)
  if not client then
    return
  end
  local params = { textDocument = { uri = vim.uri_from_bufnr(bufnr) } }
  client_of.request(client, 'textDocument/codeLens', params, function(answer)
    edited[bufnr] = vim.iter(answer or {}):any(function(lens)
      return lens.command ~= nil and lens.command.title:find('edited', 1, true) ~= nil
    end)
    draw(bufnr)
  end, function() end)
end

--- Shows the server's lenses as Neovim does, by the newer way where there is one.
---@param bufnr integer
local function lenses(bufnr)
  if not config.current.lenses then
    return
  end
  local codelens = vim.lsp.codelens --[[@as any]]
  if codelens.enable then
    codelens.enable(true, { bufnr = bufnr })
    return
  end
  codelens.refresh({ bufnr = bufnr })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'BufWritePost', 'InsertLeave' }, {
    group = vim.api.nvim_create_augroup('callboard.lenses.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      codelens.refresh({ bufnr = bufnr })
    end,
  })
end

--- Sets the keys of a page. They begin with <LocalLeader>, since the page is text that is edited.
---@param bufnr integer
---@param pause string
local function keys(bufnr, pause)
  local function map(lhs, desc, rhs)
    vim.keymap.set('n', lhs, rhs, { buffer = bufnr, desc = 'Callboard: ' .. desc })
  end
  map('g<CR>', 'answer this pause point', function()
    inbox.choose(pause)
  end)
  if not M.leader() then
    return
  end
  for decision, known in pairs(decisions) do
    map('<LocalLeader>' .. known[2], known[1], function()
      inbox.decide(decision, { pause = pause })
    end)
  end
  map('<LocalLeader>d', 'compare what was changed', function()
    require('callboard.diff').open({ pause = pause })
  end)
end

--- A page was opened: by the inbox, a lens, a code action or a command.
---@param bufnr integer
---@param client_id integer
function M.opened(bufnr, client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  vim.b[bufnr].callboard_client = client_id
  vim.b[bufnr].callboard_root = client and client.root_dir
  local pause = inbox.page_of(bufnr)
  if not pause or pages[bufnr] then
    return
  end
  pages[bufnr] = pause
  require('callboard.view').highlights()
  keys(bufnr, pause)
  local group = vim.api.nvim_create_augroup('callboard.page.' .. bufnr, {})
  vim.api.nvim_create_autocmd('BufWipeout', {
    group = group,
    buffer = bufnr,
    once = true,
    callback = function()
      pages[bufnr], edited[bufnr] = nil, nil
    end,
  })
  vim.api.nvim_create_autocmd('BufModifiedSet', {
    group = group,
    buffer = bufnr,
    callback = function()
      draw(bufnr)
    end,
  })
  vim.api.nvim_create_autocmd('BufWritePost', {
    group = group,
    buffer = bufnr,
    callback = function()
      ask(bufnr)
    end,
  })
  vim.api.nvim_create_autocmd({ 'WinResized', 'BufWinEnter' }, {
    group = group,
    callback = function()
      if pages[bufnr] then
        draw(bufnr)
      end
    end,
  })
  for _, win in ipairs(vim.fn.win_findbuf(bufnr)) do
    vim.api.nvim_set_option_value('wrap', true, { scope = 'local', win = win })
    vim.api.nvim_set_option_value('linebreak', true, { scope = 'local', win = win })
    vim.api.nvim_set_option_value('breakindent', true, { scope = 'local', win = win })
    -- Its marks are shown in the line of the cursor, where they can be changed.
    vim.api.nvim_set_option_value('conceallevel', 2, { scope = 'local', win = win })
  end
  lenses(bufnr)
  draw(bufnr)
  ask(bufnr)
end

session_of.listen('pages', function(session, changes)
  for bufnr, pause in pairs(pages) do
    if vim.b[bufnr].callboard_root == session.root then
      if changes.ready then
        -- The server is another one now; the page is attached to it, so that what is saved counts.
        vim.b[bufnr].callboard_client = session.client_id
        vim.lsp.buf_attach_client(bufnr, session.client_id)
      end
      if changes.ready or (changes.pause or {})[pause] then
        draw(bufnr)
      end
    end
  end
end)

return M
