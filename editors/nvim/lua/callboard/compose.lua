--- Where a message is written: a small buffer with completion, a draft that is kept, and what was sent before.
local client_of = require('callboard.client')
local session_of = require('callboard.session')

local M = {}

---@class callboard.Draft
---@field channel string
---@field thread string?
---@field root string
---@field history integer where in the history the text is; 0 is the draft itself
---@field kept string[]? the draft, while an older text is shown

---@type table<integer, callboard.Draft>
local drafts = {}

--- What was sent, newest first; by root.
---@type table<string, string[][]>
local history = {}

--- How many sent texts are kept.
local MOST = 100

--- Posts a message.
---@param text string
---@param opts { channel: string?, thread: string? }
---@param done? fun(sent: boolean)
function M.send(text, opts, done)
  session_of.with(function(session, client)
    local params = {
      text = text,
      channel = opts.channel,
      thread = opts.thread,
      -- With the same key the second is the first, should the connection break meanwhile.
      key = ('nvim-%d-%d'):format(vim.fn.getpid(), vim.uv.hrtime()),
    }
    client_of.request(client, 'callboard/post', params, function()
      local sent = history[session.root] or {}
      history[session.root] = sent
      table.insert(sent, 1, vim.split(text, '\n', { plain = true }))
      sent[MOST + 1] = nil
      if done then
        done(true)
      end
    end, function(err)
      client_of.say(err.message, vim.log.levels.ERROR)
      if done then
        done(false)
      end
    end)
  end)
end

--- Sends what is in the buffer, and closes its window when it is sent.
---@param bufnr integer
function M.submit(bufnr)
  local draft = drafts[bufnr]
  local text = vim.trim(table.concat(vim.api.nvim_buf_get_lines(bufnr, 0, -1, false), '\n'))
  if text == '' then
    client_of.say('there is nothing to send')
    return
  end
  M.send(text, { channel = draft.channel, thread = draft.thread }, function(sent)
    if sent and vim.api.nvim_buf_is_valid(bufnr) then
      vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, {})
      vim.bo[bufnr].modified = false
      draft.history, draft.kept = 0, nil
      for _, win in ipairs(vim.fn.win_findbuf(bufnr)) do
        pcall(vim.api.nvim_win_close, win, true)
      end
    end
  end)
end

--- Shows what was sent before, or after that; the draft comes back at the end.
---@param bufnr integer
---@param step integer
local function recall(bufnr, step)
  local draft = drafts[bufnr]
  local sent = history[draft.root] or {}
  local at = draft.history + step
  if at < 0 or at > #sent then
    return
  end
  if draft.history == 0 then
    draft.kept = vim.api.nvim_buf_get_lines(bufnr, 0, -1, false)
  end
  draft.history = at
  vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, at == 0 and draft.kept or sent[at] or {})
end

--- Opens the composer below the current window.
---@param opts { channel: string?, thread: string?, text: string? }
function M.open(opts)
  session_of.with(function(session, client)
    local channel = (opts.channel or require('callboard.channel').default):gsub('^#', '')
    local where = opts.thread and ('#%s/%s'):format(channel, opts.thread) or '#' .. channel
    local name = client_of.buffer_name(session.root, 'compose/' .. where)
    local bufnr = vim.fn.bufnr('^' .. vim.fn.escape(name, '[]*?\\^$.~') .. '$')
    if bufnr == -1 then
      bufnr = vim.api.nvim_create_buf(false, true)
      vim.api.nvim_buf_set_name(bufnr, name)
      vim.bo[bufnr].buftype = 'acwrite'
      vim.bo[bufnr].bufhidden = 'hide'
      vim.bo[bufnr].swapfile = false
      vim.bo[bufnr].filetype = 'callboard-compose'
      vim.bo[bufnr].omnifunc = "v:lua.require'callboard.complete'.omni"
      vim.bo[bufnr].textwidth = 0
      drafts[bufnr] = { channel = channel, thread = opts.thread, root = session.root, history = 0 }
      pcall(vim.treesitter.start, bufnr, 'markdown')
      vim.api.nvim_create_autocmd('BufWriteCmd', {
        buffer = bufnr,
        callback = function()
          M.submit(bufnr)
        end,
      })
      local function map(modes, lhs, desc, rhs)
        vim.keymap.set(modes, lhs, rhs, { buffer = bufnr, desc = 'Callboard: ' .. desc })
      end
      map('n', '<CR>', 'send', function()
        M.submit(bufnr)
      end)
      map({ 'n', 'i' }, '<C-s>', 'send', function()
        vim.cmd.stopinsert()
        M.submit(bufnr)
      end)
      map('n', '<C-p>', 'what was sent before', function()
        recall(bufnr, 1)
      end)
      map('n', '<C-n>', 'what was sent after', function()
        recall(bufnr, -1)
      end)
      map('n', 'q', 'close, and keep the draft', '<Cmd>close<CR>')
      for _, sign in ipairs({ '@', '#', '/' }) do
        -- What these begin can be completed at once.
        map('i', sign, 'complete', function()
          local before = vim.api.nvim_get_current_line():sub(1, vim.api.nvim_win_get_cursor(0)[2])
          local begins = before == '' or before:match('%s$')
          local keys = sign .. (begins and vim.fn.pumvisible() == 0 and '<C-x><C-o>' or '')
          vim.api.nvim_feedkeys(
            vim.api.nvim_replace_termcodes(keys, true, false, true),
            'in',
            false
          )
        end)
      end
    end
    vim.b[bufnr].callboard_client = client.id
    vim.b[bufnr].callboard_root = session.root
    local win = require('callboard.channel').window(bufnr, 'split', 5)
    vim.wo[win].winbar = (' %s  %%#CallboardFaint#<CR> or :w sends, q keeps the draft%%*'):format(
      where
    )
    vim.wo[win].winfixheight = true
    vim.wo[win].wrap = true
    vim.bo[bufnr].completeopt = 'menuone,noinsert,popup'
    if
      opts.text
      and vim.api.nvim_buf_line_count(bufnr) <= 1
      and vim.api.nvim_buf_get_lines(bufnr, 0, 1, false)[1] == ''
    then
      vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, vim.split(opts.text, '\n', { plain = true }))
    end
    local last = vim.api.nvim_buf_line_count(bufnr)
    vim.api.nvim_win_set_cursor(win, { last, 0 })
    vim.cmd('startinsert!')
  end)
end

--- Opens the composer with a quotation of lines: `path:from-to`, so that the agent can look for itself.
---@param bufnr integer
---@param range? integer[]
function M.about(bufnr, range)
  local client = client_of.of(bufnr)
  local root = client and client.root_dir or client_of.root(bufnr)
  local path = require('callboard.runs').path(root, bufnr)
  local text = path and range and ('%s:%d-%d '):format(path, range[1], range[2]) or nil
  M.open({ text = text })
end

return M
