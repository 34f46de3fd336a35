--- Taking an agent over and handing it back: its session in its program's own screen, in the buffer of its terminal.
local client_of = require('callboard.client')
local session_of = require('callboard.session')
local store = require('callboard.store')

local M = {}

--- Returns the agents for which something holds.
---@param session callboard.Session
---@param fits fun(agent: callboard.AgentView): boolean
---@return string[]
local function names(session, fits)
  return vim.tbl_map(function(agent)
    return agent.info.name
  end, store.sorted(session.store.agents, fits))
end

--- Whether a person may take an agent over now.
---@param agent callboard.AgentView
---@return boolean
function M.can(agent)
  return agent.info.takeOver == true and agent.taken == nil and type(agent.info.missing) ~= 'string'
end

--- Whether somebody has taken an agent over.
---@param agent callboard.AgentView
---@return boolean
function M.has(agent)
  return agent.taken ~= nil
end

--- Calls with an agent: the one that is named, that of the current terminal, the only one that fits, or the one that is chosen.
---@param session callboard.Session
---@param name? string
---@param fits fun(agent: callboard.AgentView): boolean
---@param nothing string what is said where none fits
---@param call fun(name: string)
local function choose(session, name, fits, nothing, call)
  local here = require('callboard.terminal').of()
  local of = here and session.store.agents[here.agent]
  local all = names(session, fits)
  if name then
    call((name:gsub('^@', '')))
  elseif here and of and fits(of) then
    call(here.agent)
  elseif #all == 0 then
    client_of.say(nothing)
  elseif #all == 1 then
    call(all[1])
  else
    vim.ui.select(all, {
      prompt = 'Which agent?',
      kind = 'callboard.agent',
      format_item = function(item)
        return '@' .. item
      end,
    }, function(item)
      if item then
        call(item)
      end
    end)
  end
end

--- Takes an agent over and shows its terminal; its screen comes there when it is open.
---@param name? string with or without @
---@param opts { after: boolean?, layout: string? } `after`: when the turn that it is on is over
function M.over(name, opts)
  session_of.with(function(session, client)
    choose(session, name, M.can, 'no agent here can be taken over', function(agent)
      client_of.request(
        client,
        'callboard/takeOver',
        { agent = agent, afterTurn = opts.after or false },
        function()
          require('callboard.terminal').open(agent, { layout = opts.layout, enter = true })
        end,
        function(err)
          local busy = type(err.data) == 'table' and err.data.code == 'busy'
          client_of.say(
            err.message
              .. (
                busy
                  and ('; :Callboard! take-over @%s takes it when that turn is over'):format(agent)
                or ''
              ),
            vim.log.levels.WARN
          )
        end
      )
    end)
  end)
end

--- Hands an agent back: its screen ends, and its driver goes on with the same session.
---@param name? string with or without @
function M.back(name)
  session_of.with(function(session, client)
    choose(session, name, M.has, 'nobody has taken an agent over', function(agent)
      client_of.request(client, 'callboard/handBack', { agent = agent }, function()
        client_of.say(
          ('@%s is handed back; what was written to it meanwhile comes now'):format(agent)
        )
      end)
    end)
  end)
end

return M
