--- Callboard for Neovim: what maps, autocommands and other plugins may call. Each module is loaded at first use.
local M = {}

--- Takes settings. Calling it is optional. See |callboard-settings|.
---@param settings? table
function M.setup(settings)
  require('callboard.config').setup(settings)
end

--- Starts a workflow: `run { 'review-fix', inputs = { path = 'src' } }`. Inputs that must be told and are not are asked for.
---@param opts { [1]: string?, workflow: string?, inputs: table?, roles: table?, channel: string?, range: integer[]? }
---@param done? fun(run: string?)
function M.run(opts, done)
  require('callboard.runs').start(opts, done)
end

--- Reviews a file, by default that of the current buffer; `lines` are the first and the last of those that matter.
---@param opts? { path: string?, agent: string?, lines: integer[]? }
function M.review(opts)
  require('callboard.runs').review(opts or {})
end

--- Posts a message: `post('@claude why does this loop?')`.
---@param text string
---@param opts? { channel: string?, thread: string? }
function M.post(text, opts)
  require('callboard.compose').send(text, opts or {})
end

--- Answers a pause point: `decide('approve')` in its page, or `decide('approve', { pause = 'p1' })`.
---@param decision string
---@param opts? { pause: string?, text: string?, agent: string?, scope: string? }
function M.decide(decision, opts)
  require('callboard.inbox').decide(decision, opts or {})
end

--- Shows a channel.
---@param opts? { channel: string?, layout: string? }
function M.channel(opts)
  require('callboard.channel').open(opts or {})
end

--- A text for the statusline: what runs and what waits for a person here. Empty where there is no server, and cheap.
---@return string
function M.statusline()
  -- Nothing is loaded for it: where the session was never needed there is nothing to tell.
  local session = package.loaded['callboard.session']
  return session and session.statusline() or ''
end

return M
