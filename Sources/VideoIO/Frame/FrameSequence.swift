import CFFmpeg
import Pixels

/// The selected frames of an input in the order they are shown: decodes, repairs timestamps, selects,
/// deinterlaces.
final class FrameSequence: SelectedFrames {
    private let audio: InterleavedAudio
    /// Where the selection lies, as far as is known by now.
    private(set) var clock: SelectionClock
    /// What is wrong with the input, as far as is known by now.
    private var damage: DamageReport
    /// Nil once the sequence is closed.
    private var session: DecodeSession?
    /// Number of the next frame that the decoder gives.
    private var nextIndex: Int

    private let plan: SelectionPlan
    private let seeker: RangeSeeker
    private let timeBase: Rational
    private let log: WarningLog
    private let deinterlacer: Deinterlacer?
    private var repair: TimestampRepair
    /// Frames that were decoded while the start of the range was searched.
    private var decoded: [FrameHandle]
    /// Frames past the deinterlacer, still to be delivered.
    private var ready: [NumberedFrame] = []
    private var lastTime: FrameTime?
    /// Whether no frame will be decoded any more.
    private var hasReadAll = false

    init(
        from start: RangeStart, of stream: StreamInfo, seeker: RangeSeeker, audio: InterleavedAudio,
        clock: SelectionClock,
        deinterlacer: Deinterlacer?, damage: DamageReport, log: WarningLog
    ) {
        plan = start.plan
        self.seeker = seeker
        session = start.position.session
        decoded = start.position.decoded
        nextIndex = start.position.index
        timeBase = stream.timeBase
        repair = TimestampRepair(nominalDuration: stream.nominalDuration)
        self.audio = audio
        self.clock = clock
        self.deinterlacer = deinterlacer
        self.damage = damage
        self.log = log
    }

    /// The next selected frame; `nil` after the last one.
    func next() throws -> NumberedFrame? {
        while true {
            while !ready.isEmpty {
                let frame = ready.removeFirst()
                if frame.isSelected { return frame }
            }
            if hasReadAll { return nil }
            guard let session else { return nil }
            if let handle = try decode(session) {
                try take(handle, session)
            } else {
                try end(session)
            }
        }
    }

    func tags(of frame: NumberedFrame) -> FrameTags? {
        session.map { FrameTags(of: frame.handle, demuxer: $0.demuxer, videoStream: $0.videoStream) }
    }

    func note(changesSize: Bool) { damage.changesSize = changesSize }

    /// Decodes all of the input once more where the selection ended before its end.
    func countAll() throws -> Int { clock.end == nil ? nextIndex : try seeker.countFrames() }

    func outline() throws -> SelectionOutline? {
        try seeker.completeIndex().map { index in
            SelectionOutline(
                of: plan,
                times: index.pts.map { FrameTime(ptsTicks: $0, durationTicks: 0, timeBase: timeBase) },
                index: index)
        }
    }

    func packets(with frame: FrameTime) -> [AudioPacket] { audio.packets(with: frame) }

    /// Audio packets after the last frame; none before that is delivered.
    func trailingPackets() throws -> [AudioPacket] {
        guard hasReadAll, let session else { return [] }
        return try audio.trailingPackets(until: clock.end, reading: session)
    }

    /// Frees decoder and file. Later calls give no more frames.
    func close() {
        session = nil
        hasReadAll = true
        decoded = []
        ready = []
    }

    private func decode(_ session: DecodeSession) throws -> FrameHandle? {
        if !decoded.isEmpty { return decoded.removeFirst() }
        return try session.nextFrame(onAudio: { audio.add($0) })
    }

    /// Takes a frame from the decoder through selection and deinterlacing.
    private func take(_ handle: FrameHandle, _ session: DecodeSession) throws {
        damage.add(handle.frame.pointee)
        let time = repairedTime(of: handle)
        let index = nextIndex
        nextIndex += 1
        let isSelected = plan.isSelected(index: index, time: time)
        if clock.start == nil {
            if isSelected {
                clock.begin(at: time, isMidway: index > 0)
                if index > 0 { audio.begin(at: time) }
            } else {
                audio.drop(before: time)
            }
        }
        let isPast = plan.isPast(index: index, time: time)
        let frame = NumberedFrame(handle: handle, index: index, time: time, isSelected: isSelected)
        if let deinterlacer, index >= plan.firstFrameOfContext {
            // The frame after the last selected one influences that.
            ready += try deinterlacer.push(frame)
            if isPast { ready += try deinterlacer.flush() }
        } else if isSelected {
            ready.append(frame)
        }
        if isPast {
            clock.end = time
            hasReadAll = true
            reportRepairs(session)
        }
    }

    private func repairedTime(of handle: FrameHandle) -> FrameTime {
        let raw = handle.frame.pointee
        let (pts, duration) = repair.time(
            pts: ticks(raw.best_effort_timestamp), duration: raw.pkt_duration)
        let time = FrameTime(ptsTicks: pts, durationTicks: duration, timeBase: timeBase)
        if let lastTime { damage.add(gapSeconds: time.seconds - lastTime.seconds) }
        lastTime = time
        return time
    }

    /// Delivers what is left at the end of the input, and reports its state.
    private func end(_ session: DecodeSession) throws {
        hasReadAll = true
        ready += try deinterlacer?.flush() ?? []
        reportRepairs(session)
        if plan.isBounded, let lastTime {
            clock.end = FrameTime(
                ptsTicks: lastTime.ptsTicks + lastTime.durationTicks, durationTicks: 0, timeBase: timeBase)
        }
        damage.losses(session, frames: nextIndex).forEach(log.add)
    }

    private func reportRepairs(_ session: DecodeSession) {
        damage.repairs(session, times: repair, leftInterlaced: deinterlacer?.leftInterlaced ?? 0)
            .forEach(log.add)
    }
}
