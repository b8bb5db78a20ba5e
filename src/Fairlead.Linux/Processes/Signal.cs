namespace Fairlead.Linux.Processes;

/// <summary>Signals (signal(7)); their numbers are the same on the machines we build for.</summary>
public enum Signal
{
    /// <summary>Sends nothing: asks whether it could be sent.</summary>
    None = 0,
    HangUp = 1,
    Interrupt = 2,
    Quit = 3,
    Abort = 6,
    Kill = 9,
    User1 = 10,
    User2 = 12,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
