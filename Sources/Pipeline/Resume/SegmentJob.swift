import Base
import Files
import FoundationEssentials
import Rendering
import VideoIO

extension SegmentStore {
    /// What is known of a job before its first segment.
    package struct Job: Codable, Sendable {
        /// What the results depend on.
        package var identity: JobIdentity
        /// What the sources found out before the run, by the model's name.
        package var states: [String: Data]
        /// Of each source's maps, where the scale is that of the clip.
        package var limits: [MapLimits]
        /// What computed first, which all others have to equal unless they may differ.
        package var computation: String
        /// The input's hash; nil where it is several files.
        package var input: StampedHash?
        /// Who made it.
        var owner = ProcessOwner.current

        package init(
            identity: JobIdentity, states: [String: Data] = [:], limits: [MapLimits] = [],
            computation: String = "", input: StampedHash? = nil
        ) {
            self.identity = identity
            self.states = states
            self.limits = limits
            self.computation = computation
            self.input = input
        }
    }

    /// Where the job of an output keeps its segments.
    package static func path(for output: String) -> String { output + ".resume" }

    /// The job of a directory, to begin another run of it with; nil where it binds nobody: nothing of it is finished, and
    /// nobody is at work on it.
    package static func job(at path: String) -> Job? { JobDirectory.job(at: path) }

    /// The plan of a directory, of whatever job; nil where there is none.
    package static func outline(at path: String) -> SelectionOutline? { JobDirectory.outline(at: path) }

    /// What is said to whoever goes on with a job under other settings; nil where they are the same.
    package static func difference(of identity: JobIdentity, from kept: Job, at path: String)
        -> VitvideoError?
    {
        identity.difference(from: kept.identity).map { kind, text in
            VitvideoError(
                kind, cannot: "go on with", path: path, reason: text,
                nextStep: .advice("use the same settings, or remove the directory"))
        }
    }
}
