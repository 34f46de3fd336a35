--- The page of a pause point: an ordinary buffer, with what can be done said above it. `:w` is the edit.
local config = require('callboard.config')
local inbox = require('callboard.inbox')
local session_of = require('callboard.session')

local M = {}

local namespace = vim.api.nvim_create_namespace('callboard.page')

---@type table<integer, string> pages by buffer, and whose they are
local pages = {}

--- Shows the decisions above the first line, or who answered.
---@param bufnr integer
local function buttons(bufnr)
  local session = session_of.get(vim.b[bufnr].callboard_client)
  local pause = session and session.store.pauses[pages[bufnr]]
  if not pause or not vim.api.nvim_buf_is_loaded(bufnr) then
    return
  end
  vim.api.nvim_buf_clear_namespace(bufnr, namespace, 0, -1)
  local line = {}
  if pause.answered then
    line = { { ('✓ answered by %s'):format(pause.answered.by), 'CallboardOk' } }
  else
    table.insert(line, { '◆ ', 'CallboardWaiting' })
    for _, decision in ipairs(pause.decisions) do
      table.insert(line, { ' ' .. decision .. ' ', 'CallboardDecision' })
      table.insert(line, { ' ', 'Normal' })
    end
    table.insert(line, { ' g<CR> answers, :w saves an edit', 'CallboardFaint' })
  end
  vim.api.nvim_buf_set_extmark(
    bufnr,
    namespace,
    0,
    0,
    { virt_lines = { line }, virt_lines_above = true }
  )
  -- Virtual lines above the first line show only where the window begins above it.
  for _, win in ipairs(vim.fn.win_findbuf(bufnr)) do
    vim.api.nvim_win_call(win, function()
      if vim.fn.line('w0') == 1 then
        vim.fn.winrestview({ topline = 1, topfill = 1 })
      end
    end)
  end
end

--- Shows the server's lenses, by the newer way where there is one.
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
  vim.lsp.codelens.refresh({ bufnr = bufnr })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'BufWritePost', 'InsertLeave' }, {
    group = vim.api.nvim_create_augroup('callboard.lenses.' .. bufnr, {}),
    buffer = bufnr,
    callback = function()
      vim.lsp.codelens.refresh({ bufnr = bufnr })
    end,
  })
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
  vim.keymap.set('n', 'g<CR>', function()
    inbox.choose(pause)
  end, { buffer = bufnr, desc = 'Callboard: answer this pause point' })
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = bufnr,
    once = true,
    callback = function()
      pages[bufnr] = nil
    end,
  })
  for _, win in ipairs(vim.fn.win_findbuf(bufnr)) do
    vim.api.nvim_set_option_value('wrap', true, { scope = 'local', win = win })
    vim.api.nvim_set_option_value('linebreak', true, { scope = 'local', win = win })
  end
  lenses(bufnr)
  buttons(bufnr)
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
        buttons(bufnr)
      end
    end
  end
end)

return M
