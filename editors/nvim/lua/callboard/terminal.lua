--- An agent's terminal in a buffer: what it shows as it shows it, and a person's keys, unless Callboard is typing.
local client_of = require('callboard.client')
local session_of = require('callboard.session')
local store = require('callboard.store')

local M = {}

---@class callboard.Terminal
---@field agent string
---@field root string
---@field bufnr integer
---@field channel integer Neovim's terminal emulator
---@field locked boolean
---@field state string
---@field title string
---@field told boolean whether the person was told that the terminal is locked
---@field terminal integer? the number of the program that it shows
---@field form 'raw'|'rows' how frames are asked for: as the program draws, or in rows where its size is not the window's
---@field size { rows: integer, columns: integer } the size of the window
---@field of { rows: integer, columns: integer }? the size of the program
---@field enter boolean whether Terminal mode begins when the agent's own screen is open
---@field asking integer how many times a size was asked for and is not answered yet
---@field rows table<integer, callboard.TerminalRun[]> the screen, where it is asked for in rows

---@type table<integer, callboard.Terminal>
local terminals = {}

local enter ---@type fun(session: callboard.Session, one: callboard.Terminal)

local stages = {
  afterTurn = 'yours after its turn; hand back',
  opening = 'its screen opens; hand back',
  closing = 'is handed back',
}

--- Returns a key of the buffer, as it is typed in a line of the window; nothing where there are no keys.
---@param letter string
---@return string
local function key(letter)
  local keys = require('callboard.page').leader()
  return keys and (keys .. letter):gsub('%%', '%%%%') or ''
end

--- Returns the line above a terminal. The lock is said in words too.
---@return string
function M.winbar()
  local one = terminals[vim.api.nvim_win_get_buf(vim.g.statusline_winid or 0)]
  if not one then
    return ''
  end
  local session = session_of.at(one.root)
  local agent = session and session.store.agents[one.agent]
  local parts = { (' %%#CallboardAgent#@%s%%*'):format(one.agent) }
  if one.locked then
    table.insert(parts, '  %#CallboardLocked#locked: Callboard is typing%*')
  elseif one.state == 'absent' then
    table.insert(parts, '  %#CallboardFaint#not started yet%*')
  elseif agent then
    table.insert(parts, '  ' .. require('callboard.render').state(agent.claim.state))
  end
  local take = require('callboard.take')
  if agent and agent.taken then
    local stage = stages[agent.taken.stage] or 'hand back'
    table.insert(parts, ('  %%#CallboardDecision#%s%%*'):format(stage))
    table.insert(parts, ('%%#CallboardFaint# %s%%*'):format(key('h')))
  elseif agent and take.can(agent) then
    table.insert(
      parts,
      ('  %%#CallboardDecision#take over%%*%%#CallboardFaint# %s%%*'):format(key('t'))
    )
  end
  if one.of and one.state ~= 'absent' and not vim.deep_equal(one.of, one.size) then
    table.insert(parts, ('  %%#CallboardFaint#%d × %d%%*'):format(one.of.columns, one.of.rows))
  end
  if one.title ~= '' then
    table.insert(parts, '  %#CallboardFaint#' .. one.title:gsub('%%', '%%%%') .. '%*')
  end
  return table.concat(parts)
end

--- Asks for frames, from the whole screen on.
---@param one callboard.Terminal
local function watch(one)
  client_of.with(function(client)
    client_of.request(
      client,
      'callboard/watchTerminal',
      { agent = one.agent, form = one.form },
      function(answer)
        one.state = answer.state
        vim.cmd.redrawstatus({ bang = true })
      end
    )
  end, one.bufnr)
end

--- Gives the program the size of the window.
---@param one callboard.Terminal
local function resize(one)
  -- Of several windows the one in which the person is.
  local win = vim.api.nvim_get_current_win() ---@type integer?
  if vim.api.nvim_get_current_buf() ~= one.bufnr then
    win = vim.fn.win_findbuf(one.bufnr)[1]
  end
  if not win then
    return
  end
  local bar = vim.wo[win].winbar ~= '' and 1 or 0
  local rows = math.max(vim.api.nvim_win_get_height(win) - bar, 4)
  local columns = math.max(vim.api.nvim_win_get_width(win), 20)
  one.size = { rows = rows, columns = columns }
  local function answered()
    one.asking = one.asking - 1
  end
  client_of.with(function(client)
    one.asking = one.asking + 1
    client_of.request(
      client,
      'callboard/terminalResize',
      { agent = one.agent, rows = rows, columns = columns },
      answered,
      answered -- No program runs yet; it gets the size with its first frame.
    )
  end, one.bufnr)
end

--- Draws a frame. What a program draws for one size means nothing in another, so where the window has another size, since
--- somebody else watches too or the program ended before, the rows are asked for and drawn as they fit.
---@param one callboard.Terminal
---@param frame callboard.TerminalFrame
local function draw(one, frame)
  one.of = frame.size
  local fits = vim.deep_equal(frame.size, one.size)
  local form = fits and 'raw' or 'rows'
  if one.form ~= form then
    one.form = form
    watch(one)
    return
  end
  if frame.full then
    -- The emulator forgets what it had; scrollback of an earlier program is in the transcript.
    vim.api.nvim_chan_send(one.channel, '\27c')
    one.rows = {}
  end
  if form == 'raw' and frame.raw and frame.raw ~= '' then
    vim.api.nvim_chan_send(one.channel, frame.raw)
  elseif form == 'rows' and frame.rows then
    for _, row in ipairs(frame.rows) do
      one.rows[row.row] = row.runs
    end
    vim.api.nvim_chan_send(
      one.channel,
      require('callboard.screen').draw(one.rows, frame.cursor, one.size)
    )
  end
end

--- A frame came.
---@param client_id integer
---@param frame callboard.TerminalFrame
function M.frame(client_id, frame)
  local session = session_of.get(client_id)
  for _, one in pairs(terminals) do
    if one.agent == frame.agent and session and one.root == session.root then
      draw(one, frame)
      if one.terminal ~= frame.terminal then
        -- A program that has just been started does not know the window yet. Another size later is another window's word, and holds.
        one.terminal = frame.terminal
        resize(one)
      end
      local changed = one.locked ~= frame.locked
        or one.state ~= frame.state
        or one.title ~= frame.title
      one.locked, one.state, one.title = frame.locked, frame.state, frame.title or ''
      if not one.locked then
        one.told = false
      end
      if changed then
        vim.cmd.redrawstatus({ bang = true })
      end
    end
  end
end

--- Sends a person's keys.
---@param one callboard.Terminal
---@param data string
local function input(one, data)
  if one.locked then
    if not one.told then
      one.told = true
      client_of.say(('@%s is locked while Callboard types'):format(one.agent), vim.log.levels.WARN)
    end
    return
  end
  client_of.with(function(client)
    client_of.request(
      client,
      'callboard/terminalInput',
      { agent = one.agent, text = data },
      nil,
      function(err)
        if not one.told then
          one.told = true
          local session = session_of.at(one.root)
          local agent = session and session.store.agents[one.agent]
          local hint = agent and require('callboard.take').can(agent)
          client_of.say(
            err.message
              .. (
                hint and ('; :Callboard take-over @%s opens its own screen'):format(one.agent) or ''
              ),
            vim.log.levels.WARN
          )
        end
      end
    )
  end, one.bufnr)
end

--- Begins Terminal mode where the person asked for the agent and is still in its window, once its own screen is open.
---@param session callboard.Session
---@param one callboard.Terminal
function enter(session, one)
  local agent = session.store.agents[one.agent]
  if not one.enter or not agent or not agent.taken or agent.taken.stage ~= 'open' then
    return
  end
  one.enter = false
  if vim.api.nvim_get_current_buf() == one.bufnr then
    vim.cmd.startinsert()
  end
end

--- Shows an agent's terminal.
---@param agent string with or without @
---@param opts? { layout: string?, enter: boolean? } `enter`: begin to type when it is taken over and open
function M.open(agent, opts)
  agent = agent:gsub('^@', '')
  session_of.with(function(session, client)
    if not session.store.agents[agent] then
      local names = vim.tbl_map(function(known)
        return '@' .. known.info.name
      end, store.sorted(session.store.agents))
      client_of.say(
        ('there is no agent @%s; there are %s'):format(agent, table.concat(names, ', ')),
        vim.log.levels.WARN
      )
      return
    end
    local name = client_of.buffer_name(session.root, 'terminal/@' .. agent)
    local bufnr = vim.fn.bufnr('^' .. vim.fn.escape(name, '[]*?\\^$.~') .. '$')
    local layout = opts and opts.layout or 'split'
    if bufnr ~= -1 and terminals[bufnr] then
      require('callboard.channel').window(bufnr, layout, 20)
      terminals[bufnr].enter = opts and opts.enter or false
      enter(session, terminals[bufnr])
      return resize(terminals[bufnr])
    end
    require('callboard.view').highlights()
    bufnr = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(bufnr, name)
    vim.bo[bufnr].bufhidden = 'hide'
    vim.b[bufnr].callboard_client = client.id
    vim.b[bufnr].callboard_root = session.root
    local win = require('callboard.channel').window(bufnr, layout, 20)
    local one = {
      agent = agent,
      root = session.root,
      bufnr = bufnr,
      locked = false,
      state = 'absent',
      title = '',
      told = false,
      form = 'raw',
      size = { rows = 0, columns = 0 },
      asking = 0,
      rows = {},
      enter = opts and opts.enter or false,
    }
    one.channel = vim.api.nvim_open_term(bufnr, {
      on_input = function(_, _, _, data)
        input(one, data)
      end,
    })
    terminals[bufnr] = one
    vim.bo[bufnr].filetype = 'callboard-terminal'
    vim.wo[win].winbar = "%!v:lua.require'callboard.terminal'.winbar()"
    local group = vim.api.nvim_create_augroup('callboard.terminal.' .. bufnr, {})
    vim.api.nvim_create_autocmd('WinResized', {
      group = group,
      callback = function()
        for _, changed in ipairs(vim.v.event.windows or {}) do
          if vim.api.nvim_win_is_valid(changed) and vim.api.nvim_win_get_buf(changed) == bufnr then
            resize(one)
          end
        end
      end,
    })
    -- Of several watchers the one that types decides about the size.
    vim.api.nvim_create_autocmd('TermEnter', {
      group = group,
      buffer = bufnr,
      callback = function()
        resize(one)
      end,
    })
    vim.api.nvim_create_autocmd('BufWipeout', {
      group = group,
      buffer = bufnr,
      once = true,
      callback = function()
        terminals[bufnr] = nil
        vim.api.nvim_del_augroup_by_id(group)
        local running = vim.lsp.get_client_by_id(vim.b[bufnr].callboard_client or client.id)
        if running then
          client_of.request(
            running,
            'callboard/unwatchTerminal',
            { agent = agent },
            nil,
            function() end
          )
        end
      end,
    })
    if require('callboard.page').leader() then
      vim.keymap.set('n', '<LocalLeader>t', function()
        require('callboard.take').over(agent, {})
      end, { buffer = bufnr, desc = 'Callboard: take this agent over' })
      vim.keymap.set('n', '<LocalLeader>h', function()
        require('callboard.take').back(agent)
      end, { buffer = bufnr, desc = 'Callboard: hand this agent back' })
    end
    resize(one)
    watch(one)
    enter(session, one)
  end)
end

--- Returns what a buffer shows, for tests.
---@param bufnr? integer
---@return callboard.Terminal?
function M.of(bufnr)
  return terminals[bufnr or vim.api.nvim_get_current_buf()]
end

session_of.listen('terminals', function(session, changes)
  for bufnr, one in pairs(terminals) do
    if one.root == session.root and changes.ready then
      vim.b[bufnr].callboard_client = session.client_id
      watch(one)
    end
    if one.root == session.root and (changes.agent or {})[one.agent] then
      enter(session, one)
    end
  end
end)

return M
