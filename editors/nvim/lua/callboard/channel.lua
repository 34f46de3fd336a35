--- The channel in a window: messages with their threads, runs and pause points, live, and what can be done from them.
local client_of = require('callboard.client')
local config = require('callboard.config')
local render = require('callboard.render')
local session_of = require('callboard.session')
local store = require('callboard.store')
local view_of = require('callboard.view')

local M = {}

---@class callboard.Shown
---@field view callboard.View
---@field root string
---@field channel string
---@field cache table<string, { key: string, block: callboard.Block }>
---@field loaded boolean whether the last messages were asked for
---@field earlier boolean whether there are messages before those that are loaded
---@field queued boolean whether it is to be drawn when the loop comes round
---@field seen number the number of the last message that was looked at
---@field was number what `seen` was when the channel was opened
---@field opening boolean whether it was opened and its messages are not in yet
---@field fold boolean whether old threads are to be folded when it is drawn
---@field more callboard.Block? what stands above the messages where there are earlier ones
---@field nothing callboard.Block? what an empty channel says

---@type table<integer, callboard.Shown> by buffer
local shown = {}

M.default = 'main'

--- Returns the name of a channel's buffer.
---@param root string
---@param channel string
---@return string
local function name(root, channel)
  return client_of.buffer_name(root, '#' .. channel)
end

--- Opens a window for a buffer, as settings or a word in the command say.
---@param bufnr integer
---@param layout string
---@param size integer
---@return integer win
local function window(bufnr, layout, size)
  local there = vim.tbl_filter(function(win)
    return vim.api.nvim_win_get_tabpage(win) == vim.api.nvim_get_current_tabpage()
  end, vim.fn.win_findbuf(bufnr))[1]
  if there then
    vim.api.nvim_set_current_win(there)
    return there
  end
  if layout == 'tab' then
    vim.cmd('tab sbuffer ' .. bufnr)
  elseif layout == 'float' then
    local columns, lines = vim.o.columns, vim.o.lines - vim.o.cmdheight - 1
    local width, height = math.min(columns - 4, 100), math.max(lines - 4, 5)
    vim.api.nvim_open_win(bufnr, true, {
      relative = 'editor',
      width = width,
      height = height,
      row = math.floor((lines - height) / 2),
      col = math.floor((columns - width) / 2),
      border = 'rounded',
      title = ' Callboard ',
    })
  elseif layout == 'split' then
    vim.api.nvim_open_win(
      bufnr,
      true,
      { split = 'below', height = math.min(size, math.floor(vim.o.lines / 2)) }
    )
  else
    vim.api.nvim_open_win(
      bufnr,
      true,
      { split = 'right', width = math.min(size, math.floor(vim.o.columns / 2)) }
    )
  end
  return vim.api.nvim_get_current_win()
end

M.window = window

--- Sets what a window needs to show a channel well.
---@param win integer
local function dress(win)
  local options = {
    wrap = true,
    linebreak = true,
    breakindent = true,
    breakindentopt = 'list:-1',
    number = false,
    relativenumber = false,
    signcolumn = 'no',
    foldcolumn = '0',
    list = false,
    spell = false,
    cursorline = false,
    -- Markdown is shown without its marks, but in the line of the cursor: nothing is hidden from who looks.
    conceallevel = 2,
    concealcursor = '',
    fillchars = 'fold: ,eob: ',
    foldmethod = 'expr',
    foldexpr = "v:lua.require'callboard.view'.fold(v:lnum)",
    foldtext = "v:lua.require'callboard.view'.foldtext()",
    foldlevel = 1,
    winfixwidth = true,
  }
  for option, value in pairs(options) do
    vim.api.nvim_set_option_value(option, value, { scope = 'local', win = win })
  end
end

--- Returns the line above a channel: its name, and what runs and waits.
---@return string
function M.winbar()
  local one = shown[vim.api.nvim_win_get_buf(vim.g.statusline_winid or 0)]
  if not one then
    return ''
  end
  local session = session_of.at(one.root)
  local parts = { '%#CallboardAgent# #' .. one.channel .. '%*' }
  if not session then
    table.insert(parts, '%#CallboardWaiting# not connected: :Callboard restart%*')
    return table.concat(parts)
  end
  local here = function(thing)
    return thing.channel == one.channel
  end
  local live = #vim.tbl_filter(here, store.live(session.store))
  local waiting = #vim.tbl_filter(here, store.waiting(session.store))
  if live > 0 then
    table.insert(parts, ('%%#CallboardRunning#  ▶ %d running%%*'):format(live))
  end
  if waiting > 0 then
    table.insert(parts, ('%%#CallboardWaiting#  ◆ %d waiting%%*'):format(waiting))
  end
  local ids = session.store.order[one.channel] or {}
  local unread = 0
  for i = #ids, 1, -1 do
    if store.number(ids[i]) <= one.seen then
      break
    end
    unread = unread + 1
  end
  if unread > 0 then
    table.insert(parts, ('%%#CallboardUnread#  %d new%%*'):format(unread))
  end
  return table.concat(parts)
end

--- Draws a channel when the loop comes round: many changes at once are drawn once.
---@param one callboard.Shown
local function draw(one)
  if one.queued then
    return
  end
  one.queued = true
  vim.schedule(function()
    one.queued = false
    local session = session_of.at(one.root)
    if not session or not vim.api.nvim_buf_is_valid(one.view.bufnr) then
      return
    end
    local blocks = render.channel(session.store, one.channel, os.time() * 1000, one.cache)
    if one.earlier then
      -- The same table each time, so that nothing is drawn again for it.
      one.more = one.more
        or {
          id = 'earlier',
          lines = { '  ⋯ earlier messages (<CR> loads them)', '' },
          marks = { { row = 0, from = 0, to = 40, group = 'CallboardFaint' } },
          ends = {},
          depth = 0,
          thing = { kind = 'earlier' },
        }
      table.insert(blocks, 1, one.more)
    elseif #blocks == 0 then
      one.nothing = one.nothing
        or {
          id = 'nothing',
          lines = {
            '  Nothing was said here yet.',
            '',
            '  i   writes a message; @name wakes an agent',
            '  g?  shows all keys',
            '',
            '  :Callboard review has a file reviewed.',
          },
          marks = {},
          ends = {},
          depth = 0,
        }
      table.insert(blocks, one.nothing)
    end
    view_of.show(one.view, blocks)
    if one.fold then
      one.fold = false
      M.fold(one)
    end
    M.look(one)
  end)
end

--- Closes the threads in which nothing goes on, nothing waits and nothing is new; the last one stays open.
---@param one callboard.Shown
function M.fold(one)
  local session = session_of.at(one.root)
  local messages = session and session.store.messages[one.channel]
  if not session or not messages then
    return
  end
  local keep = {} ---@type table<string, boolean>
  local last ---@type string?
  for _, run in ipairs(store.live(session.store)) do
    keep[run.thread or ''] = true
  end
  for _, id in ipairs(session.store.order[one.channel] or {}) do
    local message = messages[id]
    local root = message.thread or id
    local pause = message.about and session.store.pauses[message.about.pause or '']
    if store.number(id) > one.was or (pause and not pause.answered) then
      keep[root] = true
    end
    if not message.thread then
      last = id
    end
  end
  view_of.close(one.view, function(block)
    return not keep[block.id] and block.id ~= last
  end)
end

--- What stands on the last line of a window before the person was seen.
---@param one callboard.Shown
function M.look(one)
  local session = session_of.at(one.root)
  local ids = session and session.store.order[one.channel] or {}
  local last = vim.api.nvim_buf_line_count(one.view.bufnr) - 1
  local shows = vim.iter(vim.api.nvim_tabpage_list_wins(0)):any(function(win)
    return vim.api.nvim_win_get_buf(win) == one.view.bufnr and vim.fn.line('w$', win) >= last
  end)
  local newest = ids[#ids]
  if shows and newest then
    one.seen = math.max(one.seen, store.number(newest))
  end
end

--- Asks for messages, the last ones or those before the first that is there.
---@param one callboard.Shown
---@param before? string
local function load(one, before)
  client_of.with(function(client)
    local params = { channel = one.channel, before = before, limit = config.current.channel.limit }
    client_of.request(client, 'callboard/messages', params, function(answer)
      local session = session_of.get(client.id)
      if not session then
        return
      end
      one.fold = one.opening and config.current.channel.fold
      one.opening = false
      one.loaded = true
      one.earlier = #answer.messages >= params.limit
      if not before and #answer.messages > 0 then
        one.seen = math.max(one.seen, store.number(answer.messages[#answer.messages].id))
      end
      -- A run that ended before this editor came shows its end with its first message.
      local missing = {}
      for _, message in ipairs(answer.messages) do
        local run = not message.thread and message.about and message.about.run
        if run and not session.store.runs[run] then
          table.insert(missing, run)
        end
      end
      session_of.messages(session, answer.messages)
      for _, run in ipairs(missing) do
        session_of.fetch_run(session, client, run)
      end
      draw(one)
    end)
  end, one.view.bufnr)
end

--- Does what the thing under the cursor is for: opens a pause's page, a run, what a message speaks of, a place in the code.
function M.act()
  local one = shown[vim.api.nvim_get_current_buf()]
  local block = view_of.here()
  if not one or not block then
    return
  end
  local place = require('callboard.place').under_cursor(one.root)
  if place then
    return require('callboard.place').go(place)
  end
  local thing = block.thing
  if not thing then
    local session = session_of.at(one.root)
    local message = session and session.store.messages[one.channel][block.id]
    if message then
      require('callboard.detail').message(message)
    end
  elseif thing.kind == 'pause' then
    require('callboard.inbox').open(thing.id)
  elseif thing.kind == 'run' then
    require('callboard.detail').run(thing.id)
  elseif thing.kind == 'earlier' then
    local session = session_of.at(one.root)
    local ids = session and session.store.order[one.channel] or {}
    load(one, ids[1])
  end
end

local help = {
  'i  o        write a message',
  'r           answer the message under the cursor, in its thread',
  '<CR>        open what is under the cursor: a place, a pause, a run',
  'K           who was sent what, and how far it is',
  ']m  [m      next, previous message',
  ']t  [t      next, previous thread',
  ']p  [p      next, previous pause point that waits',
  'za zM zR    fold, fold all, unfold all threads',
  'G           to the last line, and follow what comes',
  'gd          the diff of the run under the cursor',
  'R           read it all again',
  'q           close the window',
}

--- Sets the keys of a channel's buffer. They are buffer-local, and a person's own maps for the file type come after them.
---@param bufnr integer
local function keys(bufnr)
  local function map(lhs, desc, rhs)
    vim.keymap.set(
      'n',
      lhs,
      rhs,
      { buffer = bufnr, nowait = true, silent = true, desc = 'Callboard: ' .. desc }
    )
  end
  for _, lhs in ipairs({ 'i', 'o', 'a' }) do
    map(lhs, 'write a message', function()
      require('callboard.compose').open({ channel = shown[bufnr].channel })
    end)
  end
  map('r', 'answer in the thread', function()
    local block = view_of.here()
    local one = shown[bufnr]
    local session = session_of.at(one.root)
    local message = block and session and (session.store.messages[one.channel] or {})[block.id]
    require('callboard.compose').open({
      channel = one.channel,
      thread = message and (message.thread or message.id),
    })
  end)
  map('<CR>', 'open what is under the cursor', M.act)
  map('K', 'details', function()
    local block = view_of.here()
    local one = shown[bufnr]
    local session = session_of.at(one.root)
    local message = block and session and (session.store.messages[one.channel] or {})[block.id]
    if message then
      require('callboard.detail').message(message)
    end
  end)
  local function thread(block)
    return block.depth == 0
  end
  local function waiting(block)
    local session = session_of.at(shown[bufnr].root)
    local thing = block.thing
    if not thing or thing.kind ~= 'pause' or not session then
      return false
    end
    local pause = session.store.pauses[thing.id]
    return pause ~= nil and not pause.answered
  end
  for lhs, what in pairs({
    [']m'] = { 1, nil, 'next message' },
    ['[m'] = { -1, nil, 'previous message' },
    [']t'] = { 1, thread, 'next thread' },
    ['[t'] = { -1, thread, 'previous thread' },
    [']p'] = { 1, waiting, 'next pause point' },
    ['[p'] = { -1, waiting, 'previous pause point' },
  }) do
    map(lhs, what[3], function()
      view_of.move(what[1], what[2])
    end)
  end
  map('gd', 'diff of the run', function()
    local block = view_of.here()
    local one = shown[bufnr]
    local session = session_of.at(one.root)
    local message = block and session and (session.store.messages[one.channel] or {})[block.id]
    local run = message and message.about and message.about.run
    if run then
      require('callboard.diff').open({ run = run })
    else
      client_of.say('no run is spoken of here')
    end
  end)
  map('R', 'read it again', function()
    M.reload(bufnr)
  end)
  map('q', 'close', function()
    if #vim.api.nvim_list_wins() > 1 then
      vim.api.nvim_win_close(0, false)
    end
  end)
  map('g?', 'keys', function()
    require('callboard.scratch').small(help, 'Keys of a channel')
  end)
end

--- Reads a channel again.
---@param bufnr integer
function M.reload(bufnr)
  local one = shown[bufnr]
  one.cache = {}
  load(one)
end

--- Shows a channel.
---@param opts { channel: string?, layout: string?, focus: boolean? }
function M.open(opts)
  session_of.with(function(session, client)
    local channel = (opts.channel or M.default):gsub('^#', '')
    local view = view_of.make(name(session.root, channel), 'callboard')
    local bufnr = view.bufnr
    local before = vim.api.nvim_get_current_win()
    vim.b[bufnr].callboard_client = client.id
    vim.b[bufnr].callboard_root = session.root
    local one = shown[bufnr]
    if not one then
      one = {
        view = view,
        root = session.root,
        channel = channel,
        cache = {},
        loaded = false,
        earlier = false,
        queued = false,
        seen = 0,
        was = math.huge,
        opening = true,
        fold = false,
      }
      shown[bufnr] = one
      keys(bufnr)
      vim.api.nvim_create_autocmd({ 'BufEnter', 'WinScrolled', 'CursorMoved' }, {
        buffer = bufnr,
        callback = function()
          M.look(one)
        end,
      })
      vim.api.nvim_create_autocmd('BufWipeout', {
        buffer = bufnr,
        once = true,
        callback = function()
          shown[bufnr] = nil
        end,
      })
      -- What wraps goes on below its own text, beside the line of its thread too.
      vim.bo[bufnr].formatlistpat = '^\\s*│\\?\\s*'
      -- The bundled Markdown parser colours code in messages; where it is missing they are plain.
      pcall(vim.treesitter.start, bufnr, 'markdown')
    end
    one.was = one.loaded and one.seen or math.huge
    one.opening = true
    local win =
      window(bufnr, opts.layout or config.current.channel.layout, config.current.channel.size)
    dress(win)
    vim.wo[win].winbar = "%!v:lua.require'callboard.channel'.winbar()"
    vim.api.nvim_win_set_cursor(win, { vim.api.nvim_buf_line_count(bufnr), 0 })
    load(one)
    if opts.focus == false then
      vim.api.nvim_set_current_win(before)
    end
  end)
end

--- Returns what a buffer shows, for other modules and for tests.
---@param bufnr? integer
---@return callboard.Shown?
function M.of(bufnr)
  return shown[bufnr or vim.api.nvim_get_current_buf()]
end

session_of.listen('channel', function(session, changes)
  for bufnr, one in pairs(shown) do
    if one.root == session.root then
      if changes.ready then
        vim.b[bufnr].callboard_client = session.client_id
        load(one)
      elseif changes.message or changes.run or changes.pause then
        draw(one)
      end
    end
  end
end)

return M
