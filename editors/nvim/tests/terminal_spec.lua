-- Agents’ terminals: keys, sizes, taking over, and the list of agents.
local it, eq, has, wait = T.it, T.eq, T.has, T.wait
local H = T.helpers
local world, press = H.world, H.press
local NOTES = H.NOTES
local callboard = T.callboard

it('a terminal takes keys and the window’s size', function()
  local w = T.World.new({ ['notes.md'] = NOTES })
  H.script(
    w,
    'ear',
    'Listens to its terminal',
    'printf "Which way? "\nread -r way\nsize=$(stty size)\n'
      .. 'printf \'{"kind":"text","text":"heard %s at %s"}\' "$way" "$size" > "$CALLBOARD_RESULT"\n'
  )
  T.told()
  local child = T.child(w:cmd())
  child.there('vim.cmd.edit((...)) vim.cmd("Callboard terminal @ear")', w.workspace .. '/notes.md')
  local function screen()
    return child.there([[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')]])
  end
  wait('the terminal', function()
    return child.there('return vim.bo.filetype') == 'callboard-terminal'
  end)
  w:callboard({ 'channel', 'post', '@ear which way?' })
  wait('the question', function()
    return screen():find('Which way?', 1, true)
  end)
  child.there('vim.cmd("resize 12")')
  child.there('vim.cmd("redraw")')
  local size =
    child.there('return { vim.api.nvim_win_get_height(0) - 1, vim.api.nvim_win_get_width(0) }')
  wait('the size has arrived', function()
    local of = child.there('return require("callboard.terminal").of().of')
    return of and of.rows == size[1] and of.columns == size[2]
  end)
  child.types('ileft<CR>')
  local answer = wait('the answer', function()
    return w:callboard({ 'channel', 'show', '--json' }):match('heard [^"]*')
  end)
  eq(answer, ('heard left at %d %d'):format(size[1], size[2]))
end)

it(
  'a terminal of another size is drawn as it fits, and a person who types there decides',
  function()
    local w = T.World.new({ ['notes.md'] = NOTES })
    H.script(
      w,
      'wide',
      'Prints long lines',
      "printf '%0150d end\\n\\033[1mbold\\033[0m' 7\nread -r way\n"
        .. 'printf \'{"kind":"text","text":"heard %s"}\' "$way" > "$CALLBOARD_RESULT"\n'
    )
    T.told()
    local one, other = T.child(w:cmd()), T.child(w:cmd())
    for _, child in ipairs({ one, other }) do
      child.there(
        'vim.cmd.edit((...)) vim.cmd("Callboard terminal @wide")',
        w.workspace .. '/notes.md'
      )
      wait('the terminal', function()
        return child.there('return vim.bo.filetype') == 'callboard-terminal'
      end)
    end
    local function lines(child)
      return child.there('return vim.api.nvim_buf_get_lines(0, 0, -1, false)')
    end
    local function size(child)
      return child.there(
        'local of = require("callboard.terminal").of().of return of and of.columns'
      )
    end
    one.there('vim.cmd("vsplit | wincmd l")')
    w:callboard({ 'channel', 'post', '@wide go' })
    wait('its screen in both', function()
      return vim.iter({ one, other }):all(function(child)
        return vim.iter(lines(child)):any(function(line)
          return vim.startswith(line, 'bold')
        end)
      end)
    end)
    wait('both to have asked for their size', function()
      return vim.iter({ one, other }):all(function(child)
        return child.there('return require("callboard.terminal").of().asking') == 0
      end)
    end)
    -- Who types decides: then the other has a window of another size, and shows the same text in it.
    for _, child in ipairs({ one, other }) do
      child.types('i')
      local width = child.there('return vim.api.nvim_win_get_width(0)')
      wait('the size of the one that types', function()
        return size(one) == width and size(other) == width
      end)
      wait('the same text in both', function()
        -- Wherever its lines are broken: what the program shows in the one size.
        local here = table.concat(lines(one)):gsub('%s', '')
        return here:find('^0+.*bold$') and here == table.concat(lines(other)):gsub('%s', '')
      end)
      child.types('<C-\\><C-n>')
    end
    other.types('iyes<CR>')
    wait('the answer', function()
      return w:callboard({ 'channel', 'show', '--json' }):find('heard yes', 1, true)
    end)
  end
)

it('an agent is taken over, spoken with in its own screen, and handed back', function()
  local fake = vim.fs.dirname(vim.env.CALLBOARD) .. '/fake-agent'
  assert(vim.uv.fs_stat(fake), fake .. ' is not built')
  local w = T.World.new({ ['notes.md'] = NOTES })
  w:write(
    '../config/callboard/agents/twin.yaml',
    ([[
name: twin
title: Speaks lines and has a screen
driver: stream-json
command: [%s]
access: write
stream:
  arguments: [stream]
  read: [--read-only]
  resume: ["--resume={session}"]
screen: [screen]
resume: ["--resume={session}"]
terminal:
  title:
    idle: ['^fake: idle']
    working: ['^fake: working']
  exit: /exit
]]):format(fake)
  )
  T.told()
  local function channel_has(text)
    wait(text, function()
      return w:callboard({ 'channel', 'show' }):find(text, 1, true)
    end)
  end
  w:callboard({ 'channel', 'post', '@twin hello' })
  channel_has('session-1 turn 1')
  local child = T.child(w:cmd())
  child.there('vim.cmd.edit((...)) vim.cmd("Callboard agents")', w.workspace .. '/notes.md')
  wait('the agents', function()
    return child.there([[
      return vim.list_contains(require('callboard.command').complete('', 'Callboard take-over ', 20), '@twin')
    ]])
  end)
  eq(
    child.there([[return require('callboard.command').complete('', 'Callboard hand-back ', 20)]]),
    {}
  )
  child.types(':Callboard take-over @twin tab<CR>')
  local function screen()
    return child.there([[return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')]])
  end
  wait('its own screen', function()
    return screen():find('❯', 1, true)
  end)
  wait('Terminal mode', function()
    return child.there('return vim.api.nvim_get_mode().mode') == 't'
  end)
  has(child.there('return require("callboard.terminal").winbar()'), 'taken over by ')
  child.types('[[say here I am]]<CR>')
  wait('its answer', function()
    return screen():find('here I am', 1, true)
  end)
  -- What is written to it waits until it is handed back.
  w:callboard({ 'channel', 'post', '@twin and then this' })
  wait('the message in its queue', function()
    return child.there('return require("callboard.session").get().store.agents.twin.queued') == 1
  end)
  child.types('<C-\\><C-n>\\h')
  channel_has('had taken @twin over and handed it back')
  channel_has('session-1 turn 3')
  wait('that it is nobody’s', function()
    return child.there('return require("callboard.session").get().store.agents.twin.taken == nil')
  end)
  -- An agent that has no conversation is refused, with why.
  w:edit('notes.md')
  local told = T.told()
  callboard('take-over @lint')
  wait('the refusal', function()
    return told[1] and told[1].text:find('lint', 1, true)
  end)
  callboard('hand-back')
  wait('that there is nothing', function()
    return told[2] and told[2].text:find('nobody has taken', 1, true)
  end)
end)

it('agents are listed with their states, those that are there first', function()
  local w = world()
  T.told()
  w:edit('notes.md')
  callboard('agents')
  wait('the list', function()
    return vim.bo.filetype == 'callboard-list' and T.text():find('@tests', 1, true)
  end)
  local text = T.text()
  has(text, '@lint')
  eq(vim.api.nvim_win_get_cursor(0), { 1, 0 })
  assert(not text:find('table:', 1, true), text)
  w:callboard({ 'channel', 'post', '@lint look at notes.md' })
  wait('the state follows', function()
    return T.text():find('its program ended with exit code 0', 1, true)
  end)
  vim.fn.search('@lint')
  press('<CR>')
  wait('its terminal', function()
    return vim.bo.filetype == 'callboard-terminal'
  end)
end)
