import CFFmpeg
import Pixels

extension AVRational {
    init(_ rational: Rational) { self.init(num: rational.numerator, den: rational.denominator) }
}

extension Rational {
    init(_ rational: AVRational) { self.init(rational.num, rational.den) }

    static let microseconds = Rational(1, 1_000_000)
}

/// `ticks` of one clock in those of another, rounded to nearest.
func rescale(_ ticks: Int64, from: Rational, to: Rational) -> Int64 {
    av_rescale_q_rnd(
        ticks, AVRational(from), AVRational(to),
        AVRounding(AV_ROUND_NEAR_INF.rawValue | AV_ROUND_PASS_MINMAX.rawValue))
}
