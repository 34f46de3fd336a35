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

---@type table<integer, callboard.Terminal>
local terminals = {}

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
  if agent then
    table.insert(parts, (' %s'):format(agent.claim.state))
  end
  if one.locked then
    table.insert(parts, '  %#CallboardLocked#locked: Callboard is typing%*')
  elseif one.state ~= 'live' then
    table.insert(
      parts,
      one.state == 'ended' and '  %#CallboardFaint#ended%*'
        or '  %#CallboardFaint#not started yet%*'
    )
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
      { agent = one.agent, form = 'raw' },
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
  local win = vim.fn.win_findbuf(one.bufnr)[1]
  if not win then
    return
  end
  local bar = vim.wo[win].winbar ~= '' and 1 or 0
  local rows = math.max(vim.api.nvim_win_get_height(win) - bar, 4)
  local columns = math.max(vim.api.nvim_win_get_width(win), 20)
  client_of.with(function(client)
    client_of.request(
      client,
      'callboard/terminalResize',
      { agent = one.agent, rows = rows, columns = columns },
      function() end,
      function() end -- An agent whose program was not started yet gets the size with the first frame.
    )
  end, one.bufnr)
end

--- A frame came.
---@param client_id integer
---@param frame table
function M.frame(client_id, frame)
  local session = session_of.get(client_id)
  for _, one in pairs(terminals) do
    if one.agent == frame.agent and session and one.root == session.root then
      if frame.full then
        -- The emulator forgets what it had; scrollback of an earlier program is in the transcript.
        vim.api.nvim_chan_send(one.channel, '\27c')
      end
      if frame.raw and frame.raw ~= '' then
        vim.api.nvim_chan_send(one.channel, frame.raw)
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
          client_of.say(err.message, vim.log.levels.WARN)
        end
      end
    )
  end, one.bufnr)
end

--- Shows an agent's terminal.
---@param agent string with or without @
---@param opts? { layout: string? }
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
        for _, changed in ipairs(vim.v.event.windows) do
          if vim.api.nvim_win_is_valid(changed) and vim.api.nvim_win_get_buf(changed) == bufnr then
            resize(one)
          end
        end
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
    resize(one)
    watch(one)
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
  end
end)

return M
