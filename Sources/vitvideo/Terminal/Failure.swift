import Base

/// An error as the person at the terminal meets it: one line and an exit code.
struct Failure: Error {
    let status: ExitStatus
    let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    /// Nil for errors that are not the modules' own, such as those of parsing the command line.
    init?(_ error: any Error) {
        switch error {
        case let failure as Failure: self = failure
        case let error as VitvideoError:
            self.init(ExitStatus(error.kind), error.line { $0.words })
        default: return nil
        }
    }
}

extension ExitStatus {
    init(_ kind: VitvideoError.Kind) {
        switch kind {
        case .usage: self = .usage
        case .badData: self = .badData
        case .noInput: self = .noInput
        case .unavailable: self = .unavailable
        case .software: self = .software
        case .cannotCreate: self = .cannotCreate
        case .inputOutput: self = .inputOutput
        case .interrupted: self = .interrupted
        }
    }
}
