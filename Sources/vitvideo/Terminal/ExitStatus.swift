/// The exit codes: those of sysexits.h, and the shell's for an interrupt.
enum ExitStatus: Int32 {
    case success = 0
    case usage = 64
    case badData = 65
    case noInput = 66
    case unavailable = 69
    case software = 70
    case cannotCreate = 73
    case inputOutput = 74
    case interrupted = 130
}
