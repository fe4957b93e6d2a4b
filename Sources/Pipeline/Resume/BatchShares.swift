/// How a batch of clips is shared out: the frames of all lie one after the other, and each share is an equal length of
/// them. A clip that is no longer than a share belongs to the one that its middle lies in; of a longer one each segment
/// does.
package enum BatchShares {
    /// What a share computes of a clip.
    package enum Part: Equatable {
        case nothing
        /// All of it, outputs included.
        case whole
        /// Some of its segments.
        case share(JobShare)
    }

    /// - Parameter lengths: of the clips, in frames.
    /// - Returns: in the order of the clips.
    package static func parts(ofFrames lengths: [Int], segmentFrames: Int, _ share: JobShare) -> [Part] {
        let length = Double(lengths.reduce(0, +)) / Double(share.count)
        func isOurs(_ place: Double) -> Bool {
            min(share.count - 1, Int(place / length)) == share.number - 1
        }
        var start = 0
        return lengths.map { frames in
            defer { start += frames }
            guard Double(frames) > length else {
                return isOurs(Double(start) + Double(frames) / 2) ? .whole : .nothing
            }
            let count = (frames + segmentFrames - 1) / segmentFrames
            let ours = (0..<count).filter { segment in
                let first = segment * segmentFrames
                return isOurs(Double(start) + Double(first + min(first + segmentFrames, frames)) / 2)
            }
            guard let first = ours.first, let last = ours.last else { return .nothing }
            return .share(JobShare(segments: first..<(last + 1), of: count))
        }
    }
}
